"""What set-up does once, so that no first start waits for it: decoders compiled, kernels measured."""

from streamer.config import DEFAULT, read_config
from streamer.models.bundle import catalog
from streamer.server.serve import serve_models


def main() -> None:
    """Start every live model that ships, once."""
    config = read_config(DEFAULT)
    for name in catalog.zoo():
        try:
            serve_models(config, [name])
        except ValueError:
            # An offline network starts nothing; one that is broken is told where it is used.
            continue


if __name__ == "__main__":
    main()
