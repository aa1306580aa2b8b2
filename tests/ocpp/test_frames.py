"""Frames to bytes and back. OCPP-J 1.6 §4.2, OCPP 2.0.1 and 2.1 Part 4 §4.2."""

import contextlib
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sliproad.ocpp import frames
from sliproad.ocpp.frames import BadFrame, Call, CallError, CallResult, CallResultError, Send, parse
from sliproad.ocpp.versions import OcppVersion

V16, V201, V21 = OcppVersion.V16, OcppVersion.V201, OcppVersion.V21

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=36)
numbers = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
payloads = st.dictionaries(texts, values, max_size=5)
versions = st.sampled_from(list(OcppVersion))


def assert_bad(data, version):
    with pytest.raises(BadFrame) as caught:
        parse(data, version)
    return caught.value


@given(texts, texts, payloads, versions)
def test_a_call_is_read_as_it_was_written(message_id, action, payload, version):
    """1.6 §4.2.1, 2.x Part 4 §4.2.1."""
    assert parse(frames.encode_call(message_id, action, payload), version) == Call(message_id, action, payload)


@given(texts, payloads, versions)
def test_an_answer_is_read_as_it_was_written(message_id, payload, version):
    """1.6 §4.2.2, 2.x Part 4 §4.2.2; a payload that is encoded already gives the same bytes."""
    data = frames.encode_result(message_id, payload)
    assert parse(data, version) == CallResult(message_id, payload)
    encoded = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    assert parse(frames.encode_result(message_id, encoded), version) == CallResult(message_id, payload)


@given(texts, texts, payloads, versions)
def test_an_error_is_read_as_it_was_written(message_id, description, details, version):
    """1.6 §4.2.3, 2.x Part 4 §4.2.3."""
    data = frames.encode_error(message_id, "SecurityError", description, details, version=version)
    assert parse(data, version) == CallError(message_id, "SecurityError", description, details)


@given(texts, texts, payloads)
def test_the_frames_of_2_1_are_read_as_they_were_written(message_id, action, payload):
    """2.1 Part 4 §4.2.3 CALLRESULTERROR, §4.2.4 SEND."""
    assert parse(frames.encode_send(message_id, action, payload), V21) == Send(message_id, action, payload)
    data = frames.encode_result_error(message_id, "FormatViolation", "why", payload, version=V21)
    assert parse(data, V21) == CallResultError(message_id, "FormatViolation", "why", payload)


@given(st.binary(max_size=200), versions)
@example(b"[" * 10_000, V16)
@example(b'{"a":' * 5_000, V201)
@example(b"[" * 900 + b"]" * 900, V21)
@example(b'[2,"\xff"', V16)
def test_no_bytes_raise_anything_but_bad_frame(data, version):
    with contextlib.suppress(BadFrame):
        parse(data, version)


@given(values, versions)
def test_no_json_raises_anything_but_bad_frame(value, version):
    with contextlib.suppress(BadFrame):
        parse(json.dumps(value).encode(), version)


@given(
    st.lists(st.sampled_from([2, 3, 4, 5, 6, 7, 0, -1, True, 2.0, None, "id", "Heartbeat", {}, [], ["x"]]), max_size=6),
    versions,
)
def test_no_list_of_the_right_parts_raises_anything_but_bad_frame(parts, version):
    try:
        frame = parse(json.dumps(parts).encode(), version)
    except BadFrame:
        return
    assert frame.message_id == "id" or frame.message_id == "Heartbeat"


@given(st.data(), versions)
def test_a_cut_call_never_passes_for_a_call(data, version):
    whole = frames.encode_call("id-1", "Heartbeat", {"a": [1, {"b": "c"}]})
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    bad = assert_bad(cut, version)
    assert bad.message_id in {None, "id-1"}


def test_a_memoryview_is_read_like_bytes():
    assert parse(memoryview(b'[2,"1","Heartbeat",{}]'), V16) == Call("1", "Heartbeat", {})


def test_a_null_payload_is_an_empty_one():
    """1.6 §4.2.1 and §4.2.2, 2.x Part 4 §4.1.5."""
    assert parse(b'[2,"1","Heartbeat",null]', V16) == Call("1", "Heartbeat", {})
    assert parse(b'[3,"1",null]', V201) == CallResult("1", {})


def test_a_null_character_and_a_repeated_key_are_readable():
    assert parse(rb'[2,"\u0000","A",{"k":"\u0000"}]', V16) == Call("\0", "A", {"k": "\0"})
    assert parse(b'[2,"1","A",{"k":1,"k":2}]', V16) == Call("1", "A", {"k": 2})


def test_an_error_without_description_or_details_still_is_one():
    """Only its code is needed; 1.6 §4.2.3 asks for five elements."""
    assert parse(b'[4,"1","GenericError"]', V16) == CallError("1", "GenericError", "", {})
    assert parse(b'[4,"1","GenericError",null,null]', V16) == CallError("1", "GenericError", "", {})
    assert parse(b'[4,"1","GenericError","","text"]', V16) == CallError("1", "GenericError", "", {})


@pytest.mark.parametrize("version", list(OcppVersion))
@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_nesting_is_allowed_to_32_levels_and_no_further(version, opening):
    closing = "]" if opening == "[" else "}"

    def nested(levels):  # the frame and the payload are two levels themselves
        inner = levels - 2
        return f'[2,"1","A",{{"x":{opening * inner}{0 if opening != "[" else ""}{closing * inner}}}]'.encode()

    assert isinstance(parse(nested(32), version), Call)
    bad = assert_bad(nested(33), version)
    assert (bad.message_id, bad.answerable) == ("1", True)


def test_many_flat_containers_are_not_taken_for_depth():
    payload = {"list": [{} for _ in range(100)], "text": "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["}
    assert parse(frames.encode_call("1", "A", payload), V16) == Call("1", "A", payload)


@pytest.mark.parametrize("version", list(OcppVersion))
@pytest.mark.parametrize(
    "data",
    [
        b'[3,"1"]',
        b'[3,"1",[]]',
        b'[3,"1",{},{}]',
        b'[4,"1"]',
        b'[4,"1",5]',
        b'[3,"1",{]',
        b'[4,"1",NaN]',
        b"[3]",
        b"[4,7,1]",
    ],
)
def test_what_is_wrong_in_an_answer_is_never_answered(data, version):
    """1.6 §4.2.3, 2.x Part 4 §4.2.3: a CALLERROR responds to a CALL only."""
    bad = assert_bad(data, version)
    assert not bad.answerable
    assert bad.message_type in {3, 4}


def test_a_description_is_cut_and_an_unknown_code_becomes_a_known_one():
    data = frames.encode_error(None, "Vendor", "x" * 300, version=V16)
    assert json.loads(data) == [4, "-1", "GenericError", "x" * 255, {}]
