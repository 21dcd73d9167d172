"""Threads that share rows: all of them once, whoever is late."""

import threading
from collections import Counter

import pytest

from streamer.models.readers.captions.search_threads import SearchThreads, num_search_threads


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 100])
@pytest.mark.parametrize("workspaces", [1, 2, 4])
def test_every_row_is_done_once(count, workspaces):
    done: Counter[int] = Counter()
    SearchThreads(range(workspaces)).share(
        lambda rows, workspace: done.update(range(rows.start, rows.stop)), count, 8
    )
    assert done == Counter(range(count))


def test_a_helper_works_beside_the_caller_with_a_workspace_of_its_own():
    both, workspaces = threading.Barrier(2, timeout=30), set()

    def work(rows, workspace):
        both.wait()  # nobody passes alone
        workspaces.add((workspace, threading.get_ident()))

    SearchThreads(["own", "other"]).share(work, 2, 1)
    assert {workspace for workspace, _ in workspaces} == {"own", "other"}
    assert len({thread for _, thread in workspaces}) == 2
    assert ("own", threading.get_ident()) in workspaces


def test_a_helper_that_does_not_come_is_not_waited_for():
    threads, leave = SearchThreads(["own", "other"]), threading.Event()
    busy = threads.pool.submit(leave.wait, 30)
    done = []
    threads.share(lambda rows, workspace: done.append(workspace), 5, 1)
    assert done == ["own"] * 5
    assert not busy.done()
    leave.set()


def test_what_a_helper_raises_is_raised():
    both = threading.Barrier(2, timeout=30)

    def work(rows, workspace):
        both.wait()
        if workspace == "other":
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        SearchThreads(["own", "other"]).share(work, 2, 1)


def test_some_threads():
    assert 1 <= num_search_threads() <= 4
