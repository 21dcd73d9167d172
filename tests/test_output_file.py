"""A file that is written replaces another when it is complete, and not before."""

import errno
import os
import subprocess
import sys
import threading

import pytest

from streamer.output_file import replacing, write_bytes, write_text


def test_what_was_there_stays_until_its_successor_is_complete(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with replacing(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old" and partial.suffix == ".txt"
    assert path.read_text() == "new"
    with pytest.raises(KeyboardInterrupt), replacing(path) as partial:
        partial.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]


def test_a_full_disk_names_the_file_and_leaves_the_old_one(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(OSError) as caught, replacing(path) as partial:
        partial.write_text("half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert caught.value.filename == str(path) and caught.value.errno == errno.ENOSPC
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
    with pytest.raises(OSError) as caught, replacing(path):
        raise OSError(errno.EPIPE, "another")
    assert caught.value.filename is None


def test_modes_stay_and_new_files_have_the_usual_one(tmp_path):
    old, new, usual = tmp_path / "old", tmp_path / "new", tmp_path / "usual"
    old.touch()
    old.chmod(0o640)
    usual.touch()
    write_text(old, "x")
    with replacing(new) as partial:
        partial.unlink()
        partial.touch(0o600)  # a writer that makes a file of its own
    assert old.stat().st_mode & 0o777 == 0o640
    assert new.stat().st_mode == usual.stat().st_mode


def test_links_keep_pointing(tmp_path):
    (tmp_path / "store").mkdir()
    file, link = tmp_path / "store" / "a.txt", tmp_path / "a.txt"
    file.write_text("old")
    link.symlink_to(file)
    write_text(link, "new")
    assert link.is_symlink() and file.read_text() == "new"
    file.unlink()
    write_text(link, "again")  # a link that points to nothing yet
    assert link.is_symlink() and file.read_text() == "again"


def test_a_fifo_is_written_to_as_it_is(tmp_path):
    path = tmp_path / "a.fifo"
    os.mkfifo(path)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(path.read_bytes()))
    reader.start()
    write_bytes(path, b"streamed")
    reader.join()
    assert read == [b"streamed"] and path.is_fifo()


def test_standard_output_is_written_to_as_it_is(tmp_path):
    code = "from streamer.output_file import write_text; write_text('/dev/stdout', 'new')"
    output = tmp_path / "out"
    with output.open("w") as file:
        before = os.fstat(file.fileno()).st_ino
        subprocess.run([sys.executable, "-c", code], stdout=file, check=True)
    assert output.read_text() == "new" and output.stat().st_ino == before


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux has a device that is always full")
def test_a_full_device_is_named():
    with pytest.raises(OSError) as caught:
        write_text("/dev/full", "x")
    assert caught.value.filename == "/dev/full" and caught.value.errno == errno.ENOSPC


def test_what_cannot_be_written_is_one_line(tmp_path):
    with pytest.raises(ValueError, match="is a folder; name a file"):
        write_text(tmp_path, "x")
    with pytest.raises(ValueError, match="is no folder; a can't be written there"):
        write_text(tmp_path / "none" / "a", "x")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_protected_file_stays(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")
    path.chmod(0o444)
    with pytest.raises(PermissionError):
        write_text(path, "new")
    assert path.read_text() == "old"


def test_bytes_that_are_no_text_stay(tmp_path):
    path = tmp_path / "a"
    write_text(path, os.fsdecode(b"caf\xe9"))
    assert path.read_bytes() == b"caf\xe9"
