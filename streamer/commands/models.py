"""The commands about models: what there is, and whether its laws hold."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from models import catalog
from models.card import Card, read_card
from streamer.config import Config, read_config


def show_models(config_file: Path | None) -> None:
    """A table of every model that ships or is configured."""
    config = read_config(config_file)
    table = Table("model", "task", "mode", "latency", "licence", "scores")
    for name, folder in sorted((catalog.zoo() | config.folders()).items()):
        card = read_card(folder)
        mode, latency = _timing(config, name, folder)
        table.add_row(name, card.task, mode, latency, card.licence or "-", _scores(card))
    Console().print(table)


def _timing(config: Config, name: str, folder: Path) -> tuple[str, str]:
    """The mode, and what the network itself waits for: its block and its lookahead."""
    from models.build import load
    from models.stage import Stage

    model = load(folder, config.model(name).allow_imports)
    if not isinstance(model.network, Stage):
        return "offline", "the whole recording"
    front = model.front(model.rate_hz)
    steps = model.network.block + model.network.lookahead
    samples = steps / front.ratio + front.lookahead
    return "live", f"{1000 * float(samples) / model.rate_hz:.0f} ms"


def _scores(card: Card) -> str:
    lines = []
    for name, figures in card.scores.items():
        shown = " ".join(f"{k} {v:.3f}" if isinstance(v, float) else str(v) for k, v in figures.items())
        lines.append(f"{name}: {shown}")
    return "\n".join(lines) or "-"


def verify_model(config_file: Path | None, name: str) -> int:
    """Print each law with its largest difference; 1 if one fails, else 0."""
    from models.build import load
    from models.verify import verify

    config = read_config(config_file)
    folder = Path(name)
    if not (folder / "card.toml").is_file():
        folder = catalog.find(name, config.folders())
    model = load(folder, config.model(name).allow_imports)
    failed = 0
    for result in verify(model.network):
        verdict = "-" if not result.applies else "holds" if result.passed else "FAILS"
        difference = f"{result.difference:.1e}" if result.applies else ""
        print(f"{result.law:8} {verdict:6} {difference:8} {result.note}".rstrip())
        failed += not result.passed
    return 1 if failed else 0
