"""The screen in windows of all sizes, as a terminal emulator shows it."""

import random

import pytest
from rich.text import Text

from streamer.clients.live_figures import Figures
from streamer.clients.screen import MOST_FINALS, OFFLINE, Screen
from tests.clients.emulator import Window, result

MODELS = ("entities-en", "sentiment-en", "translate-en-de")
SIZES = [(80, 24), (40, 12), (40, 8), (200, 60)]
WORDS = "we hear a thousand times that it is doubtful whether there is truth in such a claim".split()


def sentence(number: int, count: int) -> str:
    return " ".join([f"s{number}", *(f"{WORDS[at % len(WORDS)]}{number}x{at}" for at in range(count))])


def figures() -> Figures:
    figures = Figures("captions-en · a microphone of a long name · Ctrl-C ends", heard_s=12.3)
    figures.delays_ms.extend([200, 300])
    figures.warning = "digital silence: is the microphone muted or blocked?"
    return figures


def flat(lines: list[str]) -> str:
    return " ".join(" ".join(lines).split())


def speak(screen: Screen, window: Window, numbers: range, check) -> list[str]:
    """Sentences of all lengths with remarks on them; `check` after each drawing."""
    spoken = []
    for number in numbers:
        text = sentence(number, 10 + 17 * (number % 5))
        words = text.split(" ")
        for count in range(1, len(words), 7):
            screen.show(result("partial", " ".join(words[:count]), seq=number))
            screen.draw()
            check(words[count - 1])
        screen.show(result("final", text, seq=number))
        screen.draw()
        check(words[-1])
        spoken.append(text)
        for model in MODELS:
            screen.derived(number, model, Text(f"{model} of {text}"))
            screen.draw()
    return spoken


@pytest.mark.parametrize("columns, rows", SIZES)
def test_the_newest_words_are_in_the_window_and_all_are_in_the_history(columns, rows):
    window = Window(columns, rows)

    def check(newest: str) -> None:
        assert newest in flat(window.lines)
        assert "12.3 s heard" in flat(window.lines) and "░" in flat(window.lines)
        assert "..." not in window.lines

    with Screen(figures(), MODELS, window.console) as screen:
        spoken = speak(screen, window, range(1, 15), check)
    history = flat(window.history)
    places = [history.index(text) for text in spoken]
    assert places == sorted(places)
    assert history.count("s heard") == 1  # the area left nothing behind
    for text in spoken:
        assert f"translate-en-de: translate-en-de of {text}" in history


@pytest.mark.parametrize("seed", range(3))
def test_windows_of_any_size_may_be_resized(seed):
    window, chance = Window(80, 24), random.Random(seed)

    def check(newest: str) -> None:
        seen = flat(window.lines)
        assert newest in seen and seen.count("s heard") == 1
        if chance.random() < 0.4:
            window.resize(*chance.choice([*SIZES, (chance.randint(40, 120), chance.randint(8, 50))]))

    with Screen(figures(), MODELS, window.console) as screen:
        speak(screen, window, range(1, 12), check)


def test_a_window_that_is_too_small_for_all_still_shows_words():
    window = Window(12, 3)
    with Screen(figures(), console=window.console) as screen:
        screen.show(result("partial", "some words that are long"))
        screen.draw()
        assert "long" in flat(window.lines)


def test_confirmed_partial_and_final_text_look_different():
    window = Window(80, 24)
    with Screen(Figures("title"), console=window.console) as screen:
        screen.show(result("final", "said before"))
        screen.show(result("partial", "sure unsure", confirmed=5))
        screen.draw()
        assert window.lines[:2] == ["said before", "sure unsure▏"]
        final, partial = window.terminal.buffer[0], window.terminal.buffer[1]
        assert final[0].bold and not partial[0].italics and partial[5].italics


def test_the_offline_text_takes_the_place_of_the_live_one():
    window = Window(80, 24)
    with Screen(Figures("title"), [OFFLINE], window.console) as screen:
        live = result("final", "wreck a nice beach")
        screen.show(live)
        screen.draw()
        screen.rewritten(live, result("final", "recognise speech"))
        screen.draw()
        assert window.lines[0] == "recognise speech" and "wreck" not in flat(window.lines)
    assert "wreck" not in flat(window.history)


def test_finals_wait_for_the_offline_network_in_any_window_but_not_for_ever():
    window = Window(40, 8)
    finals = [result("final", sentence(number, 12), seq=number) for number in range(1, MOST_FINALS + 3)]
    with Screen(Figures("title"), [OFFLINE], window.console) as screen:
        for final in finals:
            screen.show(final)
            screen.draw()
        for final in finals:
            screen.rewritten(final, result("final", f"offline {final.alternatives[0].text}"))
            screen.draw()
    history = flat(window.history)
    for final in finals[2:]:
        assert history.count(final.alternatives[0].text) == 1
    for final in finals[:2]:  # they had gone: the offline words come after, and say what they are about
        assert f"offline: {final.alternatives[0].text[:24]}" in history


def test_nothing_that_is_said_steers_the_terminal():
    window = Window(60, 10)
    hostile = Figures("a\nname\x1b[2J of\rtwo lines", warning="\x1b[5A\x07no")
    with Screen(hostile, console=window.console) as screen:
        screen.show(result("final", "said \x1b[H\x1b[Jbefore\r"))
        for number in range(3):
            screen.show(result("partial", f"\x1b]0;title\x07 word {number}"))
            screen.draw()
            seen = flat(window.lines)
            assert "said" in seen and f"word {number}" in seen and seen.count("s heard") == 1
