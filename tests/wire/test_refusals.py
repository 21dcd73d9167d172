"""Errors travel as `Refused` and come out as the errors that they were."""

import pytest

from streamer import wire
from streamer.errors import OptionError, StreamerError, WireError, WrongCall, options_named_as_called


@pytest.mark.parametrize(
    "error",
    [
        OptionError("options.lookahead", "7: there are 0 to 2"),
        OptionError("options.format.rate", "7 Hz is not taken", "bad_format"),
    ],
)
def test_a_refused_option_comes_out_as_it_went_in(error):
    refused = wire.refusal_of(error, "request")
    assert (refused.code, refused.field, refused.request) == (error.code, error.field, "request")
    assert refused.message == f"{error.field}: {error.reason}" == str(error)
    back = wire.error_of(refused)
    assert isinstance(back, OptionError)
    assert (back.field, back.reason, back.code) == (error.field, error.reason, error.code)


def test_what_could_not_be_decoded_names_what_could_be_read():
    error = WireError("bad_header", "no seq", "seq", "request", b"s" * 16)
    refused = wire.refusal_of(error)
    assert refused == wire.Refused("bad_header", "no seq", "seq", "request", b"s" * 16)
    back = wire.error_of(refused)
    assert type(back) is StreamerError and str(back) == "no seq"


def test_an_option_of_a_stream_is_named_as_the_call_names_it():
    with pytest.raises(WrongCall) as caught, options_named_as_called():
        raise OptionError("options.lookahead", "7: there are 0 to 2")
    assert str(caught.value) == "--lookahead: 7: there are 0 to 2"
    with pytest.raises(OptionError), options_named_as_called():
        raise OptionError("reader.lookahead", "7")
    with pytest.raises(ValueError, match="the text"), options_named_as_called():
        raise ValueError("options.of a sentence are no option: the text stays")
