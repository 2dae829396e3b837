"""Text from outside: harmless on terminals, in spreadsheets, in logs."""

import subprocess
import sys

import pytest

from cascade.text import cell, from_cell, hidden, masked, printable, revealed


def test_what_acts_on_a_terminal_is_written_out():
    assert printable("a\x1b[31mb\x00c\rd\udcff\u202e") == r"a\x1b[31mb\x00c\rd\udcff\u202e"
    assert printable("zwei Zeilen:\nÄß 顔 😀") == "zwei Zeilen:\nÄß 顔 😀"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-x.jpg", "@x", "\tx", "\rx", "'=x", "''-", "'x", "'", "x=1", "", "Ä"])
def test_a_cell_is_no_formula_and_gives_the_text_back(text: str):
    assert cell(text)[:1] not in tuple("=+-@\t\r")
    assert from_cell(cell(text)) == text


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://host/a?channel=1", "rtsp://host/a?channel=1"),
        ("rtsp://me:se/cr@t@host/a", "rtsp://me:***@host/a"),
        ("rtsp://token@host/a", "rtsp://***@host/a"),
        ("http://host/a?user=me&pwd=secret&channel=1", "http://host/a?user=***&pwd=***&channel=1"),
        ("http://host/a?x=1&access_token=secret#f", "http://host/a?x=1&access_token=***#f"),
        ("http://host/a?p=se&pw=se&pass%77ord=se", "http://host/a?p=***&pw=***&pass%77ord=***"),
        ("http://host/a?PASSWORD%3Dse&access_code=se", "http://host/a?PASSWORD%3D***&access_code=***"),
        ("http://host/a?credentials[]=se;x=1", "http://host/a?credentials[]=***;x=1"),
        ("rtsp://host/channel=1_password=secret.sdp", "rtsp://host/channel=1_password=***"),
        ("http://host/a?x=1%26password%3Dse&y=2", "http://host/a?x=1%26password%3D***&y=2"),
        ("http://host/?" + "a=" * 5000, "http://host/?" + "a=" * 5000),
        ("rtsp://host/user=me_password=secret_channel=1.sdp", "rtsp://host/user=***"),
    ],
)
def test_an_address_is_shown_without_its_secrets(address: str, shown: str):
    assert masked(address) == shown == masked(shown)
    assert hidden(address) == shown and revealed(shown) == address
    assert revealed("rtsp://other/a") == "rtsp://other/a"


def test_a_process_that_is_started_knows_the_address():
    shown = hidden("rtsp://me:word@host/b")
    script = f"from cascade.text import revealed; print(revealed({shown!r}))"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout == "rtsp://me:word@host/b\n"
