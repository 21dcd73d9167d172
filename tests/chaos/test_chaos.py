"""The chaos run: it finds what is lost, doubled and changed; and with our clients nothing is."""

import json
import subprocess
import sys

import pytest

from streamer.chaos.actors import Heard
from streamer.chaos.plans import NOTES, SPEECH, TEXT, VARIANTS, Plan, plans
from streamer.chaos.verdict import judge, recoveries, references

PLAN = Plan("model", 0, 100, (b"",))
SAID = [(1, "partial", "a", 10), (2, "final", "a b", 20), (3, "partial", "c", 30)]


def heard(said=SAID, came_at=(1.0, 2.0, 3.0)) -> Heard:
    return Heard(PLAN, "topic", list(said), list(came_at))


def verdict(own=SAID, watched=SAID, undisturbed=(SAID, SAID)):
    runs = [[heard(said)] for said in undisturbed]
    return judge([heard(own)], {"topic": list(watched)}, references(runs), [1.5])


def run(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "streamer", *arguments], capture_output=True, text=True, timeout=240
    )


def test_the_same_is_clean():
    found = verdict()
    assert found.clean and (found.streams, found.kills, found.tied) == (1, 1, 0)
    assert found.recovery_p50_ms == pytest.approx(500.0)


@pytest.mark.parametrize("of", ["own", "watched"])
def test_what_is_wrong_is_counted(of):
    assert verdict(**{of: SAID[:2]}).lost == 1
    assert verdict(**{of: [*SAID, SAID[1]]}).doubled == 1
    assert verdict(**{of: [*SAID[:2], (3, "partial", "d", 30)]}).changed == 1
    assert verdict(**{of: [*SAID[:2], (3, "partial", "c", 31)]}).changed == 1
    assert verdict(**{of: [*SAID, (4, "final", "c", 40)]}).changed == 1
    assert not verdict(**{of: []}).clean


def test_what_undisturbed_runs_say_differently_is_a_tie():
    other = [*SAID[:2], (3, "partial", "d", 30)]
    found = verdict(own=other, undisturbed=(SAID, other))
    assert found.clean and found.tied == 2


def test_recovery_is_counted_of_streams_that_lived_through_it():
    assert recoveries(heard(), [0.5]) == []
    assert recoveries(heard(), [1.5, 2.25]) == [0.5, 0.75]
    assert recoveries(heard(), [3.5]) == []


def test_plans_are_a_function_of_their_seed():
    made = plans(20, 2.0, 7)
    assert made == plans(20, 2.0, 7) != plans(20, 2.0, 8)
    assert {plan.model for plan in made} == {SPEECH, TEXT, NOTES}
    assert len({plan.kind for plan in made if plan.model == SPEECH}) <= VARIANTS
    assert sum(plan.model == NOTES for plan in made) == 1


@pytest.mark.parametrize("kill", ["server", "term"])
def test_nothing_is_lost_when_a_server_dies(kill):
    done = run("chaos", "--streams", "5", "--seconds", "8", "--every", "4", "--kill", kill, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["lost"], found["doubled"], found["changed"]) == (0, 0, 0)
    assert found["kills"] >= 1 and found["recovery_p50_ms"] > 0


def test_a_wrong_call_is_one_line():
    done = run("chaos", "--kill", "axe")
    assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1
