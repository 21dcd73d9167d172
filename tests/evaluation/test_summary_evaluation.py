"""streamer evaluate summary, over the shipped networks and a few rows."""

import pytest

from streamer.config import Config
from streamer.evaluation.evaluate import run
from streamer.evaluation.job import Job
from streamer.evaluation.long_texts import MODEL as LONG
from streamer.evaluation.long_texts import long_mode
from streamer.evaluation.summary import TASK
from streamer.evaluation.tasks import evaluate
from tests.summary_data import write

SENTENCES = [
    {
        "tokens": "Police arrested a man in Rome on Monday , officials said .".split(),
        "labels": [1, 1, 1, 1] + [0] * 7 + [1],
    },
    {"tokens": ["Nobody", "knows", "."], "labels": None},
    {"tokens": "The council will close the bridge .".split(), "labels": [1] * 7},
]
PAPERS = [
    {
        "abstract": "We study graph colouring with few colours. Graph colouring is hard. "
        "We give a fast algorithm for it.",
        "title": "A fast algorithm for graph colouring",
    }
] * 4


def measured(path, mode, lookahead=None, model=None):
    return run("summary", mode, TASK.mode(mode), Job(path, model or "", Config(), lookahead=lookahead))


def test_kept_words_are_scored_in_both_modes_beside_what_is_easy(tmp_path):
    path = write(tmp_path / "rows.jsonl", SENTENCES)
    live, whole = measured(path, "live"), measured(path, "offline")
    assert (live["model"], live["lookahead"]) == ("compress-en", 2)
    assert whole["model"] == "compress-en-offline" and "lookahead" not in whole
    for figures in (live, whole):
        assert (figures["examples"], figures["without_labels"], figures["words"]) == (2, 1, 19)
        assert 0.5 < figures["f1"] <= 1 and 0 < figures["compression"] < 1 and figures["rtf"] is None
        assert figures["keep_all_f1"] == pytest.approx((2 * 5 / 17 + 1) / 2)
    assert measured(path, "live", lookahead=0)["lookahead"] == 0
    with pytest.raises(ValueError, match="options.lookahead: 5; this model has 0 to 4"):
        measured(path, "live", lookahead=5)


def test_titles_are_scored_offline_alone(tmp_path):
    path = write(tmp_path / "papers.jsonl.gz", PAPERS)
    figures = evaluate("summary", path, Config(), mode="offline")
    assert figures["model"] == "headline-en"
    assert figures["rouge1"] > 0.2 and 0 < figures["first_sentence_rougeL"] < 1
    with pytest.raises(ValueError, match="use --mode offline"):
        measured(path, "live")


def test_long_texts_are_abstracts_joined(tmp_path):
    path = write(tmp_path / "papers.jsonl", PAPERS)
    figures = run("summary", "offline", long_mode(40), Job(path, LONG, Config()))
    assert figures["examples"] == 2 and 0 < figures["share"] <= figures["largest_share"]
    sentences = write(tmp_path / "rows.jsonl", SENTENCES)
    with pytest.raises(ValueError, match="--long joins abstracts"):
        run("summary", "offline", long_mode(40), Job(sentences, LONG, Config()))
    with pytest.raises(ValueError, match="--long 0"):
        long_mode(0)


def test_another_tasks_model_and_a_file_without_labels_are_refused(tmp_path):
    path = write(tmp_path / "rows.jsonl", SENTENCES)
    with pytest.raises(ValueError, match="captions-en is a model for captions"):
        measured(path, "offline", model="captions-en")
    with pytest.raises(ValueError, match="no row has labels"):
        measured(write(tmp_path / "none.jsonl", SENTENCES[1:2]), "offline")
