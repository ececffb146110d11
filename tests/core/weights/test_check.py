from __future__ import annotations

import builtins
import collections
import datetime
import io
import os
import pathlib
import pickle
import re
import struct
import tarfile
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.weights.check import check_weights
from pipeline.core.weights.container import NotWeights, read_weights
from tests.weights_files import PLAIN, Runs, evil_weights, legacy, sound_weights, text, zipped

MODEL = b"cultralytics.nn.tasks\nDetectionModel\n"
LINEAR = b"ctorch.nn.modules.linear\nLinear\n"


def checked(path: Path, content: bytes, *allow: str) -> list[Any]:
    file = path / "a.pt"
    file.write_bytes(content)
    return check_weights(file, "weights/a.pt", allow)


def foreign(data: bytes, *allow: str) -> tuple[str, ...]:
    return read_weights(io.BytesIO(zipped(data)), allow).foreign


def test_weights_of_plain_values_are_sound(tmp_path: Path) -> None:
    values = {
        **PLAIN,
        "order": collections.OrderedDict([("a", 1), ("b", [2.5, None, True])]),
        "date": datetime.datetime(2026, 11, 23, 14, 32),
        "path": pathlib.PurePosixPath("a/b"),
        "names": {0: "사각형", 1: "ring"},
        "set": {1, 2},
        "bytes": b"\xff\x00",
    }
    for protocol in range(6):
        data = pickle.dumps(values, protocol=protocol)
        assert checked(tmp_path, zipped(data)) == [], protocol
    assert checked(tmp_path, legacy(pickle.dumps(values, protocol=2))) == []
    assert checked(tmp_path, sound_weights()) == []


def test_what_a_pickle_would_run_is_named_all_at_once_and_not_run(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    calls = [Runs(os.mkdir, str(mark)), Runs(builtins.eval, "1"), Runs(builtins.exec, "")]
    for protocol in range(6):
        (found,) = checked(tmp_path, zipped(pickle.dumps(calls, protocol=protocol)))
        assert (found.severity, found.code, found.where) == (
            "error",
            "weights-foreign-code",
            "model",
        )
        for name in ("posix.mkdir", "builtins.eval", "builtins.exec"):
            assert name in found.message
        assert "weights/a.pt" in found.message and "SLIPWAY_WEIGHTS_ALLOW" in found.next
    assert not mark.exists()


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"cos\nsystem\n(X\x01\0\0\0atR.", "os.system"),
        (b"(X\x01\0\0\0aios\nsystem\n.", "os.system"),
        (b"(cos\nsystem\nX\x01\0\0\0ao.", "os.system"),
        (b"c__builtin__\neval\n(X\x01\0\0\0atR.", "builtins.eval"),
        (b"\x80\x04" + text("os") + text("system") + b"\x93" + text("a") + b"\x85R.", "os.system"),
        # kept, dropped and taken again
        (text("os") + b"q\x000" + text("system") + b"q\x010h\0h\1\x93(tR.", "os.system"),
        # an attribute of a module that is known
        (b"\x80\x04" + text("torch") + text("hub.load") + b"\x93)R.", "torch.hub.load"),
        (
            b"\x80\x04" + text("torch.nn.modules") + text("module.torch.hub") + b"\x93)R.",
            "torch.nn.modules.module.torch.hub",
        ),
        (b"\x82\x01.", "copyreg"),
        (b"\x83\x01\x02.", "copyreg"),
        (b"\x84\x01\0\0\0.", "copyreg"),
        # classes of models may be made, not called
        (MODEL + b"(}tR.", "ultralytics.nn.tasks.DetectionModel"),
        (b"(}iultralytics.nn.tasks\nDetectionModel\n.", "DetectionModel"),
        (b"(" + MODEL + b"}o.", "DetectionModel"),
        (MODEL + b"}\x85\x81.", "DetectionModel"),
        (MODEL + b")}X\1\0\0\0aNs\x92.", "DetectionModel"),
        (b"cultralytics.nn.autobackend\nAutoBackend\n)R.", "AutoBackend"),
        (b"ctorch.utils.collect_env\nrun\n(X\2\0\0\0lstR.", "collect_env.run"),
        (b"cnumpy.testing._private.utils\nrunstring\n)R.", "runstring"),
        (b"ctorch.storage\n_load_from_bytes\n(C\x01atR.", "_load_from_bytes"),
        (b"ctorch._tensor\n_rebuild_from_type_v2\n)R.", "_rebuild_from_type_v2"),
        (b"cfunctools\npartial\n)R.", "functools.partial"),
        (b"coperator\nattrgetter\n)R.", "operator.attrgetter"),
        # getattr only for the method that Ultralytics keeps
        (b"cbuiltins\ngetattr\n(" + MODEL + text("load") + b"tR.", "builtins.getattr"),
        (b"cbuiltins\ngetattr\n(ctorch\nhub\n" + text("forward") + b"tR.", "getattr"),
        # harmless callables with arguments that are not
        (b"c_codecs\nencode\n(" + text("a") + text("rot13") + b"tR.", "_codecs.encode"),
        (b"cnumpy\ndtype\n(" + text("O") + b"I00\nI01\ntR.", "numpy.dtype"),
        (b"ccollections\nOrderedDict\n(" + LINEAR + b"tR.", "OrderedDict"),
        (b"ctorch._utils\n_rebuild_parameter\n(" + LINEAR + b")\x81I00\nNtR.", "_parameter"),
        (b"ccopyreg\n_reconstructor\n(" + LINEAR + b"cbuiltins\ndict\n}tR.", "builtins.dict"),
        # what a call gives, called again
        (b"ccollections\nOrderedDict\n)R)R.", "no name"),
        (b"ccollections\nOrderedDict\n)R)\x81.", "no class"),
        # functions, enums and context managers of modules of models, in each way of making objects
        (b"(iultralytics.nn.tasks\ntemporary_modules\n.", "tasks.temporary_modules"),
        (b"(cultralytics.nn.tasks\ntemporary_modules\no.", "tasks.temporary_modules"),
        (b"cultralytics.nn.tasks\ntemporary_modules\n)\x81.", "tasks.temporary_modules"),
        (b"(iultralytics.nn.tasks\nguess_model_task\n.", "tasks.guess_model_task"),
        (b"(itorch.nn.modules.module\nregister_module_forward_hook\n.", "forward_hook"),
        (b"(itorch.nn.modules.module\nOptional\n.", "module.Optional"),
        (b"(itorch.nn.modules.module\nSelf\n.", "module.Self"),
        (b"(itorch.nn.modules.module\n_WrappedHook\n.", "module._WrappedHook"),
        (b"(iultralytics.nn.tasks\nPath\n.", "tasks.Path"),
        (b"(iultralytics.nn.tasks\nYAML\n.", "tasks.YAML"),
        (b"(imodels.yolo\nmain\n.", "models.yolo.main"),
        (b"(iultralytics.yolo.utils.loss\nxywh2xyxy\n.", "loss.xywh2xyxy"),
        # what may be called is not made, and the other way round
        (b"(icollections\nOrderedDict\n.", "OrderedDict (made"),
        (b"(cbuiltins\ngetattr\n" + MODEL + text("forward") + b"o.", "getattr (made"),
        # a class that is changed, or kept so that others call it
        (LINEAR + b"}X\7\0\0\0forwardNsb.", "Linear (changed)"),
        (LINEAR + b")\x81}X\7\0\0\0forward" + MODEL + b"sb.", "DetectionModel (kept"),
        (b"]" + MODEL + b"a.", "DetectionModel (kept"),
    ],
)
def test_no_way_of_naming_or_calling_is_overlooked(data: bytes, named: str) -> None:
    (first, *_) = foreign(data)
    assert any(named in entry for entry in foreign(data)), first
    assert read_weights(io.BytesIO(legacy(data))).foreign == foreign(data)


def test_objects_of_models_are_made_and_given_attributes() -> None:
    state = b"}X\1\0\0\0aI1\nsb"
    assert foreign(LINEAR + b")\x81" + state + b".") == ()
    assert foreign(b"(" + LINEAR + b"o" + state + b".") == ()
    assert foreign(b"(itorch.nn.modules.linear\nLinear\n" + state + b".") == ()
    made = b"ccopy_reg\n_reconstructor\n(" + LINEAR + b"c__builtin__\nobject\nNtR"
    assert foreign(made + state + b".") == ()
    method = b"cbuiltins\ngetattr\n(" + MODEL + text("forward") + b"tR."
    assert foreign(method) == ()


OBJECT = LINEAR + b")\x81q\x05"
OWN = b"h\x05"
TENSOR = (
    b"ctorch._utils\n_rebuild_tensor_v2\n((X\7\0\0\0storagectorch\nFloatStorage\n"
    b"X\1\0\0\0" + b"0X\3\0\0\0cpuI0\ntQI0\n(I0\nt(I1\ntI00\nNtR"
)
ORDERED = b"ccollections\nOrderedDict\n)R"
SEQUENTIAL = b"ctorch.nn.modules.container\nSequential\n)\x81"
FEATURES = b"cultralytics.nn.distill_model\nFeatureHook\n)\x81"
HEAD = b"cultralytics.nn.modules.head\nDetect\n"


def pairs(*entries: tuple[str, bytes]) -> bytes:
    return b"}(" + b"".join(text(key) + value for key, value in entries) + b"u"


def bound(owner: bytes, name: str = "forward") -> bytes:
    return b"cbuiltins\ngetattr\n(" + owner + text(name) + b"tR"


def held(data: bytes) -> tuple[str, ...]:
    return read_weights(io.BytesIO(zipped(data, {"data/0": b""}))).foreign


@pytest.mark.parametrize(
    ("state", "named"),
    [
        (pairs(("__setstate__", b"N")), "__setstate__"),
        (pairs(("__class__", b"N")), "__class__"),
        (pairs(("__dict__", b"}")), "__dict__"),
        (pairs(("__call__", b"]")), "__call__"),
        (pairs(("__init_subclass__", b"I1\n")), "__init_subclass__"),
        *(
            (pairs((f"_{name}", pairs(("a", bound(OWN))))), f"_{name}")
            for name in (
                *("forward_hooks", "forward_pre_hooks", "backward_hooks", "backward_pre_hooks"),
                *("state_dict_hooks", "state_dict_pre_hooks", "load_state_dict_pre_hooks"),
                *("load_state_dict_post_hooks", "forward_hooks_with_kwargs"),
            )
        ),
        (pairs(("_forward_hooks", pairs(("a", SEQUENTIAL)))), "_forward_hooks"),
        (pairs(("_forward_hooks", SEQUENTIAL)), "_forward_hooks"),
        (pairs(("_forward_hooks", ORDERED + text("a") + b"Ns")), "_forward_hooks"),
        (pairs(("_forward_pre_hooks", pairs(("a", FEATURES)))), "_forward_pre_hooks"),
        (
            pairs(
                (
                    "_forward_hooks",
                    pairs(("a", FEATURES + pairs(("feat_dict", pairs(("b", b"N")))) + b"b")),
                )
            ),
            "_forward_hooks",
        ),
        # a method, elsewhere than in place of the object's own
        (pairs(("forward", bound(SEQUENTIAL))), "kept as forward"),
        (pairs(("forward", bound(LINEAR))), "kept as forward"),
        (pairs(("forward", bound(HEAD))), "kept as forward"),
        (pairs(("fuse", bound(OWN))), "kept as fuse"),
        (pairs(("a", bound(OWN))), "kept as a"),
        (pairs(("detect", bound(LINEAR))), "kept as detect"),
        (pairs(("detect", bound(OWN))), "kept as detect"),
        (pairs(("a", b"]" + bound(OWN) + b"a")), "kept as a value"),
        (pairs(("a", bound(OWN) + b"\x85")), "kept as a value"),
        (pairs(("a", pairs(("forward", bound(OWN))))), "kept as a value"),
        # an object in place of a method
        (pairs(("forward", SEQUENTIAL)), "forward (an object"),
        (pairs(("eval", SEQUENTIAL)), "eval (an object"),
        (pairs(("float", SEQUENTIAL)), "float (an object"),
        (pairs(("init_criterion", SEQUENTIAL)), "init_criterion (an object"),
        (pairs(("_apply", SEQUENTIAL)), "_apply (an object"),
        # what nn.Module looks for attributes in
        (pairs(("_buffers", pairs(("yaml", b"}")))), "_buffers"),
        (pairs(("_parameters", pairs(("yaml", text("x.yaml"))))), "_parameters"),
        (pairs(("_modules", pairs(("yaml", b"}")))), "_modules"),
        (pairs(("_modules", pairs(("0", TENSOR)))), "_modules"),
        (pairs(("_buffers", pairs(("a", SEQUENTIAL)))), "_buffers"),
        (pairs(("_buffers", SEQUENTIAL)), "_buffers"),
        (pairs(("_modules", b"N")), "_modules"),
    ],
)
def test_no_object_is_given_what_would_be_called_or_hides_something(
    state: bytes, named: str
) -> None:
    given = OBJECT + state + b"b"
    for data in (
        given + b".",
        b"]" + given + b"a.",
        given + b"0N.",  # dropped again
        OBJECT + b"}" + b"b" + state + b"b.",  # a second state
    ):
        assert any(named in entry for entry in held(data)), (data, held(data))
    if OWN not in state:
        assert any(named in entry for entry in held(ORDERED + state + b"b."))


def test_what_is_put_into_a_dict_after_it_was_given_counts_too() -> None:
    for key in ("_forward_hooks", "_buffers"):
        late = OBJECT + pairs((key, b"}q\6")) + b"b0h\6" + text("a") + bound(OWN) + b"s."
        assert any(key in entry for entry in held(late))


def test_what_models_do_hold_may_be_given() -> None:
    sound = pairs(
        *((f"_{name}_hooks", ORDERED) for name in ("forward", "backward", "state_dict")),
        ("_teacher_hooks", b"]"),
        ("_is_full_backward_hook", b"N"),
        ("_buffers", pairs(("a", TENSOR), ("b", b"N"))),
        ("_parameters", ORDERED + text("bias") + TENSOR + b"s"),
        ("_modules", pairs(("head", SEQUENTIAL), ("activation", SEQUENTIAL), ("act", b"N"))),
        ("forward", bound(OWN, "forward_fuse")),
        ("detect", bound(HEAD)),
        ("criterion", SEQUENTIAL),
        ("type", text("Conv")),
    )
    assert held(OBJECT + sound + b"b.") == ()
    feature = FEATURES + pairs(("feat_dict", b"}"), ("idx", b"I3\n")) + b"b"
    assert held(OBJECT + pairs(("_forward_hooks", pairs(("a", feature)))) + b"b.") == ()


@pytest.mark.parametrize("owner", [LINEAR + b")\x81", ORDERED])
def test_a_model_yaml_is_checked_wherever_it_may_be_taken_from(
    tmp_path: Path, owner: bytes
) -> None:
    call = text("__import__('os').system('id')")
    whole = pairs(("backbone", b"]"), ("head", b"]"), ("activation", call))
    for data in (
        pairs(("model", pairs(("activation", call)))) + b".",
        pairs(("model", pairs(("backbone", b"]"), ("activation", call)))) + b".",
        pairs(("model", pairs(("head", b"]"), ("activation", call)))) + b".",
        owner + pairs(("yaml", whole)) + b"b.",
        owner + pairs(("yaml", b"}q\6")) + b"b0h\6" + whole[1:] + b".",
    ):
        found = checked(tmp_path, zipped(data))
        assert any(finding.code == "model-activation" for finding in found), (data, found)
    for yaml in (b"]", text("x.yaml"), pairs(("activation", call)), SEQUENTIAL):
        (refused,) = checked(tmp_path, zipped(owner + pairs(("yaml", yaml)) + b"b."))
        assert refused.code == "not-weights" and "yaml without" in refused.message


def test_what_the_administrator_allows_may_be_made_called_and_kept() -> None:
    for use in (b"(I1\ntR", b")\x81", b")\x81(I1\nI2\ntb", b")R(I1\ne"):
        data = b"]cmine.layers\nHead\n" + use + b"a."
        assert foreign(data) != ()
        assert foreign(data, "mine.layers.Head") == ()
    assert foreign(b"]cmine.layers\nHead\na.", "mine.layers.Head") == ()
    assert foreign(b"cmine.layers\nHeads\n)R.", "mine.layers.Head") != ()
    assert foreign(b"\x80\x04" + text("mine") + text("layers.Head") + b"\x93)R.", "mine.layers")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x02}",
        b"0.",
        b"\x80\x09.",
        b"h\x05.",
        b"NNNb.",
        b"PK.",
        b"Pa\n.",
        b"N\x97.",
        b"I1\nQ.",
        b"X\xff\xff\xff\xffa.",
        b"\x8e" + b"\xff" * 7 + b"\x7f" + b"a.",
        b"\x96" + b"\xff" * 7 + b"\x7f" + b"a.",
        b"\x8b\xff\xff\xff\x7fa.",
        b"Np99999999999\n.",
        b"I" + b"9" * 5000 + b"\n.",
        b"]I1\nI2\ns.",
        b"}I1\na.",
        b"N.trailing",
        LINEAR + b")\x81(NN}tb.",
        LINEAR + b")\x81}X\4\0\0\0yamlX\6\0\0\0x.yamlsb.",
    ],
)
def test_what_is_no_pickle_of_weights_is_a_finding(tmp_path: Path, data: bytes) -> None:
    (found,) = checked(tmp_path, zipped(data))
    assert (found.severity, found.code) == ("error", "not-weights"), found


def test_a_crafted_pickle_neither_hangs_nor_fills_the_memory(tmp_path: Path) -> None:
    deep = b"N" + b"\x85" * 300_000
    for data in (
        b"}" + deep + b"Ns.",
        b"]" * 300_000 + b"a" * 299_999 + b".",
        b"\x8f(" + deep + b"\x90.",
        b"(" * 100_000 + b".",
        b"N" * 1_100_000 + b".",
        b"("
        + b"(NNt" * 10_000
        + b"lq\x000"
        + b"ccollections\nOrderedDict\nh\0\x85R0" * 9_999
        + b"N.",
    ):
        checked(tmp_path, zipped(data))
    laughs = b"]q\0" + b"".join(b"](" + b"h%c" % n * 20 + b"eq%c" % (n + 1) for n in range(40))
    yaml = b"}(" + text("backbone") + laughs + text("head") + b"h\x28u."
    (found,) = checked(tmp_path, zipped(yaml))
    assert found.code == "not-weights"


def test_yaml_of_models_is_given_back_from_wherever_it_is() -> None:
    yaml = {
        "nc": 2,
        "backbone": [[-1, 1, "Conv", [64, 3, 2]]],
        "head": [[[0], 1, "Detect", ["nc"]]],
    }
    ordered = collections.OrderedDict(yaml)
    data = pickle.dumps({"model": [ordered, yaml, {"backbone": 1}], "again": yaml}, protocol=2)
    found = read_weights(io.BytesIO(zipped(data))).model_yamls
    assert sorted(map(len, found)) == [1, 3, 3] and found.count(yaml) == 2
    inside = LINEAR + b")\x81}" + text("yaml") + pickle.dumps(yaml, protocol=0)[:-1] + b"sb."
    assert read_weights(io.BytesIO(zipped(inside))).model_yamls == (yaml,)
    with pytest.raises(NotWeights, match="yaml without"):
        read_weights(io.BytesIO(zipped(LINEAR + b")\x81}" + text("yaml") + b"]sb.")))


# -- containers -----------------------------------------------------------------------------------


def archive(*members: tuple[str, bytes], **options: Any) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **options) as made:
        for name, content in members:
            made.writestr(zipfile.ZipInfo(name), content)
    return file.getvalue()


SOUND = ("a/data.pkl", b"N.")
EVIL = ("a/data.pkl", b"cos\nsystem\n.")


def with_flags(content: bytes, own: int, listed: int) -> bytes:
    """Set the flags in the header of the first file, and in the directory."""
    made, place = bytearray(content), content.index(b"PK\1\2")
    made[6], made[place + 8] = own, listed
    return bytes(made)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\x03\x04 no checkpoint" * 1000, "does not end as a zip archive"),
        (b"PK\x03\x04", "no whole zip"),
        (b"<!DOCTYPE html>" * 100, "does not begin as weights"),
        (archive(("a/other", b"N.")), "without data.pkl"),
        (archive(("data.pkl", b"N.")), "data.pkl"),
        (archive(SOUND, ("b/data.pkl", b"N.")), "b/data.pkl"),
        (archive(SOUND, ("b/data.pkl", b"N.")).replace(b"b/data", b"a/data"), "same name"),
        (archive(SOUND, ("a/DATA.pkl", b"N.")), "same name"),
        (archive(SOUND, ("a/../b", b"")), "writes none"),
        (archive(SOUND, ("a/constants.pkl", b"N.")), "TorchScript"),
        (archive(SOUND, ("a/code/x.py", b"")), "TorchScript"),
        (archive(SOUND) + b"PK", "does not end"),
        (archive(SOUND) + archive(SOUND), "directory is not where"),
        (archive(EVIL) + archive(SOUND), "directory is not where"),
        (archive(SOUND)[:-30], "does not end"),
        (archive(SOUND).replace(b"a/data.pkl", b"b/data.pkl", 1), "differ"),
        (with_flags(archive(SOUND), 1, 1), "encrypted"),
        (with_flags(archive(SOUND), 0, 8), "differ"),
        (archive(("a/data.pkl", b"N" * 70_000_000)), "70,000,000 bytes"),
        (archive(SOUND, ("a/data/0", b"")).replace(b"a/data/0", b"a/dat\0/0"), ""),
    ],
)
def test_archives_that_readers_may_read_differently_are_refused(
    tmp_path: Path, content: bytes, said: str
) -> None:
    (found,) = checked(tmp_path, content)
    assert (found.severity, found.code, found.where) == ("error", "not-weights", "model")
    assert re.search(said, found.message), found.message


def test_an_empty_file_keeps_its_message(tmp_path: Path) -> None:
    (found,) = checked(tmp_path, b"")
    assert (found.code, found.message) == ("model-empty", "'weights/a.pt' is empty.")


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("a/data.pkl", b"N" * 70_000_000)
    (found,) = checked(tmp_path, file.getvalue())
    assert "70,000,000 bytes" in found.message


def test_each_pickle_of_an_archive_is_read() -> None:
    content = archive(SOUND, ("a/more.pkl", b"cos\nsystem\n)R."))
    assert "os.system" in read_weights(io.BytesIO(content)).foreign


def test_a_tensor_takes_no_more_than_its_storage_has(tmp_path: Path) -> None:
    storage = b"(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0%dX\3\0\0\0cpuI%d\ntQ"
    tensor = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"I0\n(I2\nt(I1\ntI00\nNtR."
    assert checked(tmp_path, zipped(tensor % (0, 2), {"data/0": bytes(8)})) == []
    for number, elements in ((0, 3), (0, 1 << 40), (1, 2)):
        content = zipped(tensor % (number, elements), {"data/0": bytes(8)})
        assert checked(tmp_path, content)[0].code == "not-weights"


def test_a_tar_archive_is_refused_even_if_it_looks_like_old_weights(tmp_path: Path) -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as made:
        made.addfile(tarfile.TarInfo("storages"), io.BytesIO())
    (found,) = checked(tmp_path, file.getvalue())
    assert found.code == "not-weights"
    block = bytearray(legacy(b"N.")[:100] + tarfile.TarInfo("x").tobuf()[100:])
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    (found,) = checked(tmp_path, bytes(block) + bytes(2000))
    assert "tar archive" in found.message


def test_old_weights_are_read_behind_their_first_pickles(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    evil = pickle.dumps(Runs(os.mkdir, str(mark)), protocol=2)
    for content in (legacy(evil), legacy(b"N.", keys=evil), evil):
        assert checked(tmp_path, content)[0].severity == "error"
    for content in (legacy(b"N.")[:-1], legacy(b"N.")[:20], pickle.dumps(1), b"\x80"):
        assert checked(tmp_path, content)[0].code == "not-weights"
    assert not mark.exists()


def test_a_changed_file_is_read_again_even_with_the_same_size_and_time(tmp_path: Path) -> None:
    sound, path = sound_weights(), tmp_path / "a.pt"
    path.write_bytes(sound)
    assert check_weights(path, "a.pt") == []
    status = path.stat()
    evil = evil_weights(tmp_path / "mark")
    path.write_bytes(evil.ljust(len(sound), b"\0"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert check_weights(path, "a.pt") != []


def test_what_is_no_plain_file_or_cannot_be_read_is_a_finding(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pt")
    for path in (tmp_path, tmp_path / "pipe.pt", tmp_path / "none.pt"):
        assert check_weights(path, "x.pt")[0].code == "bad-file"


# -- anything at all ------------------------------------------------------------------------------

PIECES = [
    *(b".", b"(", b"0", b"1", b"2", b"]", b"}", b")", b"t", b"l", b"d", b"a", b"e", b"s", b"u"),
    *(b"R", b"b", b"o", b"\x81", b"\x92", b"\x93", b"\x85", b"\x86", b"\x87", b"\x8f", b"\x90"),
    *(b"\x91", b"N", b"\x88", b"I1\n", b"q\0", b"h\0", b"q\1", b"h\1", b"\x94", b"Q", b"\x80\x04"),
    *(b"\x80\x02", text("os"), text("system"), text("torch"), text("hub.load"), text("yaml")),
    *(LINEAR, MODEL, b"cos\nsystem\n", b"ccollections\nOrderedDict\n", b"cbuiltins\ngetattr\n"),
    *(text("forward"), text("backbone"), text("head"), b"ios\nsystem\n", b"\x82\x01"),
]


class Recorder(pickle.Unpickler):
    """Unpickles with classes that do nothing, and knows which names were asked for."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data), encoding="utf-8")
        self.asked: set[str] = set()

    def find_class(self, module: str, name: str) -> Any:
        self.asked.add(f"{module}.{name}")
        return type("Inert", (dict,), {"__init__": lambda *_, **__: None})

    def persistent_load(self, pid: Any) -> Any:
        return None


def known_or_refused(data: bytes) -> None:
    """Python's own machine never comes to a name that a clean report does not cover."""
    try:
        found = read_weights(io.BytesIO(zipped(data)))
    except NotWeights:
        return
    recorder = Recorder(data)
    with suppress(Exception):  # whatever the inert classes do not do
        recorder.load()
    if not found.foreign:
        assert not recorder.asked & {"os.system", "torch.hub.load", "os.torch"}


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join))
def test_no_program_of_a_pickle_is_followed_differently(data: bytes) -> None:
    known_or_refused(data + b".")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_give_findings_or_none(data: bytes) -> None:
    known_or_refused(data)
    for content in (data, b"PK\x03\x04" + data, legacy(data), sound_weights(9) + data):
        with suppress(NotWeights):
            read_weights(io.BytesIO(content))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damaged_archives_give_findings_or_none(data: st.DataObject) -> None:
    content = bytearray(sound_weights(40))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    for damaged in (content, content[:cut]):
        with suppress(NotWeights):
            read_weights(io.BytesIO(bytes(damaged)))


NAME, MANY = b"a/data.pkl", 0xFFFFFFFF


def field(*numbers: int, kind: int = 1) -> bytes:
    return struct.pack(f"<2H{len(numbers)}Q", kind, 8 * len(numbers), *numbers)


def crafted(
    listed: bytes = b"",
    own: bytes = b"",
    *,
    size: int = 2,
    packed: int = 2,
    offset: int = 0,
    flags: int = 0,
    disk: int = 0,
    attributes: int = 0,
) -> bytes:
    """Put an archive of one file together, with these extra fields and numbers of the directory."""
    crc = zlib.crc32(b"N.")
    header = struct.pack("<4s5H3I2H", b"PK\3\4", 0, flags, 0, 0, 0, crc, 2, 2, len(NAME), len(own))
    entry = struct.pack(
        *("<4s6H3I5H2I", b"PK\1\2", 0, 0, flags, 0, 0, 0, crc, packed, size, len(NAME)),
        *(len(listed), 0, disk, 0, attributes, offset),
    )
    start = len(header + NAME + own) + 2
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 1, 1, len(entry + NAME + listed), start, 0)
    return header + NAME + own + b"N." + entry + NAME + listed + end


@pytest.mark.parametrize(
    "content",
    [
        crafted(),
        crafted(field(0), offset=MANY),
        crafted(field(2, 2, 0), size=MANY, packed=MANY, offset=MANY),
        crafted(own=b"FB\x02\0ZZ"),
        crafted(own=field(2, 2)),
        crafted(own=field(0) + b"FB\0\0"),
        crafted(flags=0x800),
    ],
)
def test_extra_fields_as_torch_writes_them_are_read(content: bytes) -> None:
    assert read_weights(io.BytesIO(content)).foreign == ()


@pytest.mark.parametrize(
    "content",
    [
        # two numbers, of which one reader takes the first and another the second
        crafted(field(MANY) + field(0), offset=MANY),
        crafted(field(0) + field(0), offset=MANY),
        crafted(field(0) + field(), offset=MANY),
        crafted(own=field(2, 2) + field(2, 2)),
        # more, fewer or other numbers than are missing
        crafted(field(0)),
        crafted(field()),
        crafted(field(0, 0), offset=MANY),
        crafted(field(2, 2, 0), offset=MANY),
        crafted(field(2, 2), size=MANY, packed=MANY, offset=MANY),
        crafted(field(2, 0), size=MANY),
        crafted(offset=MANY),
        crafted(size=MANY, packed=MANY),
        crafted(field((1 << 64) - 1), offset=MANY),
        crafted(field((1 << 64) - 1, 2), size=MANY, packed=MANY),
        crafted(field(0) + b"\1", offset=MANY),
        crafted(field(0) + b"\1\0\x08\0", offset=MANY),
        crafted(field(0)[:-1], offset=MANY),
        crafted(own=field(5)),
        crafted(own=field(2, 2)[:-1]),
        crafted(own=field(2, 2, 0, 0)),
        # fields that some reader may know
        crafted(field(0, kind=0x5455)),
        crafted(struct.pack("<2HBI", 0x7075, 15, 1, zlib.crc32(NAME)) + b"a/evil.pkl"),
        crafted(b"FB\0\0"),
        crafted(own=field(0, kind=0x5455)),
        crafted(own=b"FB\0\0FB\0\0"),
        crafted(own=b"\0"),
        # what miniz takes for a folder, and reads nothing of
        crafted(attributes=0x10),
        crafted(attributes=0x01),
        crafted(disk=1),
        crafted(disk=0xFFFF),
        crafted(flags=0x20),
        crafted(flags=0x10),
        archive(SOUND, ("a/CONSTANTS.pkl", b"N.")),
        archive(SOUND, ("a/Code/x.py", b"")),
    ],
)
def test_what_two_readers_of_archives_may_take_differently_is_refused(
    tmp_path: Path, content: bytes
) -> None:
    (found,) = checked(tmp_path, content)
    assert found.code == "not-weights", found


def test_a_packed_pickle_is_refused(tmp_path: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(*SOUND)
    (found,) = checked(tmp_path, file.getvalue())
    assert "packed" in found.message


def test_numbers_of_64_bits_are_read_as_torch_writes_them() -> None:
    """torch always writes the 64-bit end, which Python writes only for large archives."""
    content = archive(SOUND)
    end = content[-22:]
    entries, size, start = struct.unpack("<10xH2I2x", end)
    place = len(content) - 22
    wide = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 30, 45, 0, 0, entries, entries, size, start)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, place, 1)
    whole = content[:-22] + wide + locator + end
    assert read_weights(io.BytesIO(whole)).foreign == ()
    for wrong in (
        content[:-22] + wide + locator.replace(b"\1\0\0\0", b"\2\0\0\0") + end,
        content[:-22] + wide.replace(b"PK\6\6", b"PK\6\5") + locator + end,
        content[:-22] + b"x" + wide + locator + end,
    ):
        with pytest.raises(NotWeights):
            read_weights(io.BytesIO(wrong))
