"""Two ways of using a page: by thumb (or mouse), and by keyboard alone. `whole_job` walks with either."""

import re
from abc import ABC, abstractmethod

from playwright.async_api import FileChooser, Locator, Page, expect

MOST_TABS = 120
"""A page where the way by Tab is longer is no page for keyboards."""
FOCUSED = """part => {
    if (document.activeElement !== part) return "elsewhere";
    const shown = part.type === "radio" && part.classList.contains("for-readers") ? part.nextElementSibling : part;
    const style = getComputedStyle(shown), box = shown.getBoundingClientRect();
    if (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2) return "without an outline";
    for (const [x, y] of [[0.5, 0.5], [0.1, 0.5], [0.9, 0.5], [0.5, 0.1], [0.5, 0.9]]) {
        const hit = document.elementFromPoint(box.left + x * box.width, box.top + y * box.height);
        if (hit && (shown.contains(hit) || hit.contains(shown))) return "seen";
    }
    return "hidden behind something else";
}"""
"""Whether a focus is on this element, and can be seen there (WCAG 2.2, 2.4.7 and 2.4.11)."""


class Hand(ABC):
    """How somebody uses a page: what is named by locators is what a person aims at."""

    def __init__(self, page: Page) -> None:
        self.page = page

    @abstractmethod
    async def press(self, target: Locator) -> None:
        """Follow a link, press a button."""

    @abstractmethod
    async def write(self, field: Locator, text: str) -> None:
        """Write into a field, in place of what stands there."""

    @abstractmethod
    async def tick(self, box: Locator) -> None:
        """Tick a checkbox."""

    @abstractmethod
    async def pick(self, radio: Locator) -> None:
        """Choose one of several radio buttons."""

    @abstractmethod
    async def sign(self, name: str) -> None:
        """Sign: by drawing, or by name."""

    async def choose_file(self, field: Locator) -> FileChooser:
        """Open the system's choice of files."""
        async with self.page.expect_file_chooser() as chooser:
            await self.press(field)
        return await chooser.value


class Thumb(Hand):
    """Taps where there is a touch screen, clicks where there is none; draws by pointer events, as a finger's are to the page."""

    def __init__(self, page: Page, *, has_touch: bool) -> None:
        super().__init__(page)
        self.has_touch = has_touch

    async def press(self, target: Locator) -> None:
        await (target.tap() if self.has_touch else target.click())

    async def write(self, field: Locator, text: str) -> None:
        await self.press(field)
        await field.fill(text)

    async def tick(self, box: Locator) -> None:
        await self.press(box)
        await expect(box).to_be_checked()

    async def pick(self, radio: Locator) -> None:
        await self.press(radio.locator("xpath=following-sibling::span"))
        await expect(radio).to_be_checked()

    async def sign(self, name: str) -> None:
        """Two strokes on the sheet, which the form has taken."""
        canvas = self.page.locator(".signature-pad canvas")
        await canvas.scroll_into_view_if_needed()
        box = await canvas.bounding_box()
        assert box is not None
        strokes = [[(0.2, 0.7), (0.3, 0.2), (0.4, 0.7)], [(0.5, 0.6), (0.65, 0.4), (0.8, 0.65)]]
        for stroke in strokes:
            points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
            await self._drag(points)
        await expect(self.page.locator('input[name="signed_by_strokes"]')).to_have_value(re.compile(r"\]\],\[\["))

    async def _drag(self, points: list[tuple[float, float]]) -> None:
        await self.page.mouse.move(*points[0])
        await self.page.mouse.down()
        for x, y in points[1:]:
            await self.page.mouse.move(x, y, steps=4)
        await self.page.mouse.up()


class Keyboard(Hand):
    """Tab, Enter, Space and arrows, and a focus that is seen wherever it stops to do something."""

    async def press(self, target: Locator) -> None:
        await self._tab_to(target)
        await self.page.keyboard.press("Enter")

    async def write(self, field: Locator, text: str) -> None:
        await self._tab_to(field)
        await self.page.keyboard.press("Control+a")
        await self.page.keyboard.insert_text(text)

    async def tick(self, box: Locator) -> None:
        await self._tab_to(box)
        await self.page.keyboard.press("Space")
        await expect(box).to_be_checked()

    async def pick(self, radio: Locator) -> None:
        name = await radio.get_attribute("name")
        group = self.page.locator(f'input[type=radio][name="{name}"]')
        stops = group.and_(self.page.locator(":checked"))
        await self._tab_to(stops if await stops.count() else group.first)
        if not await radio.is_checked():
            await self.page.keyboard.press("Space")
        for _ in range(await group.count()):
            if await radio.is_checked():
                break
            await self.page.keyboard.press("ArrowRight")
        await expect(radio).to_be_checked()
        assert await radio.evaluate(FOCUSED) == "seen"

    async def sign(self, name: str) -> None:
        await self.write(self.page.get_by_label(re.compile("signature"), exact=False).last, name)

    async def _tab_to(self, target: Locator) -> None:
        await expect(target).to_be_visible()
        for _ in range(MOST_TABS):
            where = await target.evaluate(FOCUSED)
            if where != "elsewhere":
                assert where == "seen", f"{self.page.url}: the focus on {target} is {where}"
                return
            await self.page.keyboard.press("Tab")
        raise AssertionError(f"{self.page.url}: no way by Tab to {target}")
