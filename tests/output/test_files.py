"""Exports are whole or not there, one file or several, and what must not be written is refused early."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from crmkit.errors import DataError, UsageError
from crmkit.output import files
from crmkit.output.files import Outputs
from crmkit.system import descriptors, temp_files

HERE = Path(__file__).parent
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(HERE.parent), "POLARS_MAX_THREADS": "2"}
OLD = b"customer,revenue\nold,1.00\n"


def filler(data: bytes) -> Callable[[BinaryIO], None]:
    def fill(stream: BinaryIO) -> None:
        stream.write(data)

    return fill


def broken(stream: BinaryIO) -> None:
    stream.write(b"half of")
    raise OSError(errno.ENOSPC, "whatever a library says")


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".crmkit-")]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """An export of yesterday."""
    path = tmp_path / "tiers.csv"
    path.write_bytes(OLD)
    return path


class TestOneFile:
    def test_a_new_file_has_the_usual_mode(self, tmp_path: Path) -> None:
        files.write(tmp_path / "new.csv", filler(b"new"))
        (tmp_path / "other").touch()
        assert (tmp_path / "new.csv").read_bytes() == b"new"
        assert (tmp_path / "new.csv").stat().st_mode == (tmp_path / "other").stat().st_mode

    @pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
    def test_the_mode_of_the_old_file_is_kept(self, old: Path, mode: int) -> None:
        old.chmod(mode)
        files.write(old, filler(b"new"))
        assert old.read_bytes() == b"new"
        assert stat.S_IMODE(old.stat().st_mode) == mode

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
    def test_the_owner_of_the_old_file_is_kept(self, old: Path) -> None:
        os.chown(old, 1234, 4321)
        files.write(old, filler(b"new"))
        assert (old.stat().st_uid, old.stat().st_gid) == (1234, 4321)

    def test_nobody_else_can_read_a_private_file_while_it_is_written(self, old: Path) -> None:
        old.chmod(0o600)
        modes = []

        def fill(stream: BinaryIO) -> None:
            modes.append(stat.S_IMODE(os.fstat(stream.fileno()).st_mode))

        files.write(old, fill)
        assert modes == [0o600]

    def test_a_link_stays_a_link_and_its_target_is_written(self, tmp_path: Path, old: Path) -> None:
        (tmp_path / "far").mkdir()
        link = tmp_path / "far" / "latest.csv"
        link.symlink_to("../tiers.csv")
        files.write(link, filler(b"new"))
        assert link.is_symlink()
        assert old.read_bytes() == b"new"

    def test_a_link_to_nothing_makes_its_target(self, tmp_path: Path) -> None:
        (tmp_path / "latest.csv").symlink_to("2024.csv")
        files.write(tmp_path / "latest.csv", filler(b"new"))
        assert (tmp_path / "2024.csv").read_bytes() == b"new"

    def test_a_failure_names_path_and_reason_and_leaves_the_old_file(self, old: Path) -> None:
        with pytest.raises(DataError, match=r"tiers\.csv could not be written: No space left on device\.$"):
            files.write(old, broken)
        assert old.read_bytes() == OLD
        assert leftovers(old.parent) == []

    def test_a_name_that_tampers_with_the_terminal_is_spelt_out(self, tmp_path: Path) -> None:
        with pytest.raises(DataError) as caught:
            files.write(tmp_path / "\x1b[31m.csv", broken)
        assert r"\x1b[31m.csv" in str(caught.value)
        assert str(caught.value).isprintable()

    def test_a_folder_that_vanished_is_a_sentence(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"gone/x\.csv could not be written: No such file or directory"):
            files.write(tmp_path / "gone" / "x.csv", filler(b""))

    def test_a_very_long_name_leaves_room_for_the_temporary_one(self, tmp_path: Path) -> None:
        path = tmp_path / ("x" * 251 + ".csv")
        files.write(path, filler(b"new"))
        assert path.read_bytes() == b"new"


class TestSeveralFiles:
    def test_all_appear_at_the_end(self, tmp_path: Path) -> None:
        with Outputs() as files:
            files.write(tmp_path / "a", filler(b"a"))
            files.write(tmp_path / "b", filler(b"b"))
            assert not (tmp_path / "a").exists()
        assert ((tmp_path / "a").read_bytes(), (tmp_path / "b").read_bytes()) == (b"a", b"b")

    def test_a_failure_of_the_last_leaves_the_first_as_it_was(self, old: Path) -> None:
        with pytest.raises(DataError), Outputs() as files:
            files.write(old, filler(b"new"))
            files.write(old.parent / "b", broken)
        assert old.read_bytes() == OLD
        assert sorted(p.name for p in old.parent.iterdir()) == ["tiers.csv"]

    def test_any_error_in_the_block_leaves_all_as_they_were(self, old: Path) -> None:
        with pytest.raises(ZeroDivisionError), Outputs() as files:
            files.write(old, filler(b"new"))
            _ = 1 / 0
        assert old.read_bytes() == OLD
        assert leftovers(old.parent) == []

    def test_they_are_renamed_in_the_order_of_writing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        order, rename = [], Path.replace
        monkeypatch.setattr(Path, "replace", lambda a, b: (order.append(b.name), rename(a, b))[1])
        with Outputs() as files:
            for name in ("rejects.csv", "run.json", "tiers.parquet"):
                files.write(tmp_path / name, filler(b""))
        assert order == ["rejects.csv", "run.json", "tiers.parquet"]

    def test_what_waits_can_be_read_and_its_account_goes_first(self, tmp_path: Path) -> None:
        with Outputs() as files:
            files.write(tmp_path / "tiers.csv", filler(b"new"))
            waiting = files.waiting()
            files.write(tmp_path / "run.json", filler(b"{}"), first=True)
            assert list(files.waiting()) == [str(tmp_path / "run.json"), str(tmp_path / "tiers.csv")]
            assert [path.read_bytes() for path in waiting.values()] == [b"new"]
        assert files.waiting() == {}

    def test_a_signal_between_two_renames_comes_too_late(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rename = Path.replace

        def interrupted(temp: Path, target: Path) -> Path:
            signal.raise_signal(signal.SIGINT)
            return rename(temp, target)

        monkeypatch.setattr(Path, "replace", interrupted)
        with Outputs() as files:
            files.write(tmp_path / "a", filler(b"a"))
            files.write(tmp_path / "b", filler(b"b"))
        assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]

    def test_a_signal_while_a_file_is_made_waits_until_it_can_be_removed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        create = temp_files.create

        def interrupted(target: Path) -> temp_files.Temp:
            temp = create(target)
            signal.raise_signal(signal.SIGINT)
            return temp

        monkeypatch.setattr(temp_files, "create", interrupted)
        with pytest.raises(KeyboardInterrupt):
            files.write(tmp_path / "a", filler(b"a"))
        assert list(tmp_path.iterdir()) == []

    def test_signal_handlers_are_given_back(self, tmp_path: Path) -> None:
        before = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
        files.write(tmp_path / "a", filler(b"a"))
        assert before == [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]

    def test_a_thread_may_write_too(self, tmp_path: Path) -> None:
        thread = threading.Thread(target=files.write, args=(tmp_path / "a", filler(b"a")))
        thread.start()
        thread.join()
        assert (tmp_path / "a").read_bytes() == b"a"


class TestLeftovers:
    def test_those_of_the_dead_go_and_those_of_the_living_stay(self, tmp_path: Path) -> None:
        (tmp_path / ".crmkit-1-00ff.tmp").touch()
        (tmp_path / ".crmkit-notes.tmp").touch()
        alive = temp_files.create(tmp_path / "other.csv")
        files.write(tmp_path / "new.csv", filler(b"new"))
        assert sorted(leftovers(tmp_path)) == sorted([alive.path.name, ".crmkit-notes.tmp"])
        alive.discard()

    def test_without_locks_the_process_number_decides(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def no_locks(number: int, how: int) -> None:
            raise OSError(errno.ENOLCK, "No locks available")

        gone = subprocess.Popen([sys.executable, "-c", ""])
        gone.wait()
        monkeypatch.setattr(descriptors.fcntl, "flock", no_locks)
        living = [f".crmkit-{os.getpid()}-0.tmp", f".crmkit-{os.getppid()}-0.tmp"]
        for name in [f".crmkit-{gone.pid}-0.tmp", *living]:
            (tmp_path / name).touch()
        files.write(tmp_path / "new.csv", filler(b"new"))
        assert sorted(leftovers(tmp_path)) == sorted(living)

    def test_a_temporary_name_that_is_a_link_is_not_followed(self, tmp_path: Path, old: Path) -> None:
        (tmp_path / ".crmkit-1-0.tmp").symlink_to(old)
        files.write(tmp_path / "new.csv", filler(b"new"))
        assert old.read_bytes() == OLD

    def test_a_standard_descriptor_that_is_closed_is_never_the_export(self, tmp_path: Path) -> None:
        code = f"""
import os, sys
from crmkit.output import files
os.close(2)
def fill(stream):
    os.write(1, str(stream.fileno()).encode())
files.write({str(tmp_path / "x")!r}, fill)
"""
        run = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, env=ENVIRONMENT, text=True)
        assert int(run.stdout) > 2


class TestInPlace:
    def test_dev_null_stays_a_device(self) -> None:
        files.write("/dev/null", filler(b"x"))
        assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)

    def test_dev_full_is_a_sentence(self) -> None:
        with pytest.raises(DataError, match=r"^/dev/full could not be written: No space left on device\.$"):
            files.write("/dev/full", filler(b"x"))

    def test_a_named_pipe_is_written_and_stays(self, tmp_path: Path) -> None:
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        got: list[bytes] = []
        reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
        reader.start()
        files.write(pipe, filler(b"new"))
        reader.join()
        assert got == [b"new"]
        assert pipe.is_fifo()

    @pytest.mark.parametrize("name", ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
    def test_standard_output_is_shared_with_what_was_printed_before(self, tmp_path: Path, name: str) -> None:
        code = f"from crmkit.output import files; print('first'); files.write({name!r}, lambda s: s.write(b'new'))"
        with (tmp_path / "log").open("wb") as log:
            subprocess.run([sys.executable, "-c", code], stdout=log, env=ENVIRONMENT, check=True)
        assert (tmp_path / "log").read_bytes() == b"first\nnew"

    def test_a_descriptor_from_the_shell_is_written_where_it_stands(self, tmp_path: Path) -> None:
        with (tmp_path / "log").open("wb") as log:
            log.write(b"first\n")
            log.flush()
            files.write(f"/dev/fd/{log.fileno()}", filler(b"new"))
        assert (tmp_path / "log").read_bytes() == b"first\nnew"

    def test_a_link_to_a_device_is_followed(self, tmp_path: Path) -> None:
        (tmp_path / "nowhere").symlink_to("/dev/null")
        files.write(tmp_path / "nowhere", filler(b"x"))
        assert (tmp_path / "nowhere").is_symlink()


class TestCheck:
    @pytest.mark.parametrize(
        "name", ["new.csv", "new.TSV", "new.json.gz", "new.ndjson.zst", "new.parquet", "new.md"]
    )
    def test_known_extensions_pass(self, tmp_path: Path, name: str) -> None:
        files.check(tmp_path / name, [tmp_path / "sales.csv", "-"])
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        "name", ["new", "new.xls", "new.gz", "new.xlsx.gz", "new.parquet.gz", ".csv", "new.csv.bz2"]
    )
    def test_others_are_refused_and_the_known_ones_named(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(UsageError, match=r"\.csv \.tsv \.json \.ndjson \.jsonl \.parquet \.md"):
            files.check(tmp_path / name)

    def test_devices_need_no_extension(self, tmp_path: Path) -> None:
        for path in ("-", "/dev/stdout", "/dev/null"):
            files.check(path, [tmp_path])

    def test_a_folder_that_is_missing_says_how_to_make_it(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"does not exist\. Make it first: mkdir -p '.*/a b'$"):
            files.check(tmp_path / "a b" / "x.csv")

    def test_a_folder_is_not_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "x.csv").mkdir()
        with pytest.raises(UsageError, match="is a folder"):
            files.check(tmp_path / "x.csv")

    @pytest.mark.parametrize(
        "source",
        ["tiers.csv", "./tiers.csv", "sub/../tiers.csv", "link.csv", "hard.csv", "t*.csv", "**/tiers.csv"],
    )
    def test_an_input_is_refused_by_whatever_name(
        self, old: Path, source: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(old.parent)
        (old.parent / "sub").mkdir()
        (old.parent / "link.csv").symlink_to(old)
        os.link(old, "hard.csv")
        with pytest.raises(UsageError, match="is also an input"):
            files.check("tiers.csv", ["other.csv", source])

    def test_a_link_to_an_input_is_refused(self, old: Path) -> None:
        (old.parent / "link.csv").symlink_to(old)
        with pytest.raises(UsageError, match="is also an input"):
            files.check(old.parent / "link.csv", [old])

    def test_a_file_in_an_input_folder_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "in" / "deep").mkdir(parents=True)
        with pytest.raises(UsageError, match="lies in the folder"):
            files.check(tmp_path / "in" / "deep" / "x.csv", [tmp_path / "in"])
        files.check(tmp_path / "in.csv", [tmp_path / "in"])

    def test_a_new_file_that_the_next_run_would_read_is_refused(
        self, old: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(old.parent)
        with pytest.raises(UsageError, match="fits the pattern"):
            files.check("new.csv", ["*.csv"])
        files.check("new.parquet", ["*.csv"])

    def test_a_pattern_reaches_no_deeper_than_its_stars(
        self, old: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(old.parent)
        (old.parent / "out").mkdir()
        files.check("out/new.csv", ["*.csv"])
        with pytest.raises(UsageError, match="fits the pattern"):
            files.check("out/new.csv", ["**/*.csv"])

    def test_a_loop_of_links_and_a_name_too_long_are_sentences(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").symlink_to("b.csv")
        (tmp_path / "b.csv").symlink_to("a.csv")
        with pytest.raises(DataError, match="does not exist"):
            files.check(tmp_path / "a.csv" / "x.csv")
        with pytest.raises(DataError, match="File name too long"):
            files.check(tmp_path / ("x" * 300 + ".csv"))

    def test_two_outputs_to_one_file_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="Two outputs"):
            files.check(tmp_path / "x.csv", others=[tmp_path / "." / "x.csv"])
        files.check("/dev/null", others=["/dev/null"])

    def test_check_place_does_not_ask_for_an_extension(self, tmp_path: Path) -> None:
        files.check_place(tmp_path / "run.log")
        with pytest.raises(UsageError):
            files.check_place(tmp_path)


def test_the_disk_has_the_file_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a power cut the new name must not lead to a file without its end."""
    events = []
    sync, rename = os.fsync, Path.replace

    def fsync(number: int) -> None:
        events.append("folder" if stat.S_ISDIR(os.fstat(number).st_mode) else "file")
        sync(number)

    def replace(self: Path, target: Path) -> Path:
        events.append("rename")
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    files.write(tmp_path / "t.csv", lambda stream: stream.write(b"new"))
    assert events == ["file", "rename", "folder"]
