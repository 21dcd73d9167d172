"""The score of a plain method of scikit-learn on the same file, which a network must beat."""

from collections.abc import Sequence

from sklearn.feature_extraction import FeatureHasher
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.pipeline import make_pipeline

from streamer.models.training.text.gazetteer import FIRST, LAST, PLACE

TaggedSentence = tuple[Sequence[str], Sequence[str]]  # words and tags


def tagged_by_features(train: Sequence[TaggedSentence], texts: Sequence[Sequence[str]]) -> list[list[str]]:
    """Tags of `texts` by a logistic regression on each word, its shape and ends, and its neighbours.

    An I that follows nothing of its type is read as B.
    """
    model = make_pipeline(
        FeatureHasher(2**20, input_type="string"),
        SGDClassifier(loss="log_loss", alpha=1e-6, max_iter=8, tol=None, average=True, random_state=1),
    )
    # Feature by feature: all of them at once would take gigabytes.
    features = (features for words, _ in train for features in _features(words))
    model.fit(features, [tag for _, tags in train for tag in tags])
    return [_repaired(model.predict(_features(words)).tolist()) if words else [] for words in texts]


def tagged_by_names(kinds: Sequence[Sequence[str]], texts: Sequence[Sequence[str]]) -> list[list[str]]:
    """Tags of `texts` by a list of names, `kinds` as `streamer.models.training.text.gazetteer` writes them.

    Words in a row that begin with a capital are an entity, the first of a sentence only if it is listed;
    of a text without capitals, listed ones are. It has the kind of its first word, if that is listed,
    else ORG.
    """
    listed = {word: number for number, kind in enumerate(kinds, 1) for word in kind}
    capitals = any(word[:1].isupper() for words in texts for word in words)
    tagged = []
    for words in texts:
        tags: list[str] = []
        inside = ""
        for at, word in enumerate(words):
            known = listed.get(word.lower(), 0)
            if not ((at and word[:1].isupper()) or (known and (word[:1].isupper() or not capitals))):
                tags, inside = [*tags, "O"], ""
                continue
            kind = inside or ("PER" if known & (FIRST | LAST) else "LOC" if known & PLACE else "ORG")
            tags.append(f"{'I' if inside else 'B'}-{kind}")
            inside = kind
        tagged.append(tags)
    return tagged


def judged_by_words(train: Sequence[tuple[int, str]], texts: Sequence[str]) -> list[int]:
    """Labels of `texts` by a logistic regression on tf-idf of words and pairs of words."""
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\S+"),
        LogisticRegression(C=10, max_iter=300),
    )
    model.fit([text for _, text in train], [label for label, _ in train])
    return model.predict(texts).tolist()


def _features(words: Sequence[str]) -> list[list[str]]:
    shapes = [_shape(word) for word in words]
    lower = [word.lower() for word in words]
    around = ["^", "^", *lower, "$", "$"]
    features = []
    for at, word in enumerate(words):
        near = around[at : at + 5]
        features.append(
            [
                "bias",
                f"w={word}",
                f"l={near[2]}",
                f"s={shapes[at]}",
                f"first={at == 0}",
                *(f"{place}={other}" for place, other in zip((-2, -1), near[:2])),
                *(f"{place}={other}" for place, other in zip((1, 2), near[3:])),
                *(f"p{n}={word[:n]}" for n in (2, 3)),
                *(f"e{n}={near[2][-n:]}" for n in (2, 3, 4)),
                f"-1s={shapes[at - 1] if at else '^'}",
                f"1s={shapes[at + 1] if at + 1 < len(words) else '$'}",
                f"-1,0={near[1]} {near[2]}",
                f"0,1={near[2]} {near[3]}",
            ]
        )
    return features


def _shape(word: str) -> str:
    """Its kinds of characters, each once in a run: "McCoy" is "XxXx", "42nd" is "0x"."""
    kinds = ["X" if c.isupper() else "x" if c.islower() else "0" if c.isdigit() else c for c in word]
    return "".join(kind for at, kind in enumerate(kinds) if at == 0 or kind != kinds[at - 1])


def _repaired(tags: list[str]) -> list[str]:
    before = "O"
    for at, tag in enumerate(tags):
        if tag[0] == "I" and before[2:] != tag[2:]:
            tags[at] = f"B-{tag[2:]}"
        before = tag
    return tags
