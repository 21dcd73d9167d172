"""`python -m streamer`."""

from streamer.cli.app import main
from streamer.models.imports import leave_out_current_folder

leave_out_current_folder()
main()
