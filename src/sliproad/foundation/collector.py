"""Python's collector of cycles, told to look less often. Every process calls it once, when it has been put together."""

import gc


def spare_the_collector() -> None:
    """Set aside what the process is made of, and look for new cycles less often.

    A message or request is a burst of objects, nearly all without cycles; at the usual threshold the collector walks them, and
    all of the application, again and again (measured: a fifth of the gateway's CPU per message, a tenth of the web's per request).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
