"""A pickle read as data: its program is followed, nothing that it names is imported or called.

A pickle is a program for a stack machine (https://docs.python.org/3/library/pickletools.html), and
what it may name is the whole of Python (https://docs.python.org/3/library/pickle.html#restricting-globals).
So a search for suspicious names does not do: names may be put together, kept, and called later.
This machine follows every instruction with stand-ins for objects, as ``Unpickler`` would, and
refuses what that would do differently in any doubt.
"""

from __future__ import annotations

import io
import pickletools
from collections.abc import Callable, Collection
from typing import Any

from pipeline.core.weights.calls import CALLS, UNUSUAL, Made, Pairs, fits_state
from pipeline.core.weights.names import ARGUMENTS, STORAGES, VALUES, Name, modern, named
from pipeline.core.weights.stack import Malformed, Stack

_ATOMS = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}


class Machine(Stack):
    """Follows pickles, which share nothing but what they were found to hold.

    Parameters
    ----------
    allow
        Further names, as ``module.Name``, that may be made and called.

    Attributes
    ----------
    foreign
        What is not allowed, each with what was to be done with it.
    storages
        Bytes that tensors take from each storage.
    built
        What was given a state, be it kept in the end or not: giving it may call already.
    """

    def __init__(self, allow: Collection[str] = ()) -> None:
        super().__init__()
        self.foreign: dict[str, None] = {}
        self.storages: dict[str, int] = {}
        self.built: list[Any] = []
        self._allow = frozenset(allow)

    def load(self, data: bytes, start: int = 0) -> tuple[Any, int]:
        """Follow the pickle that begins at `start`; give what it makes, and where it ends.

        Raises
        ------
        Malformed
            See there.
        """
        self._data = data
        self._clear()
        file = io.BytesIO(data)
        file.seek(start)
        try:
            for operation, argument, position in pickletools.genops(file):
                self._spend(1)
                self._at = position or 0
                self._step(operation.name, argument)
            return self._stack.pop(), file.tell()
        except (ValueError, IndexError, OverflowError, MemoryError) as reason:
            raise Malformed("it breaks off, or is no pickle") from reason

    def _step(self, name: str, argument: Any) -> None:
        if name in _ATOMS:
            self._stack.append(argument)
        elif name in _CONSTANTS:
            self._stack.append(_CONSTANTS[name])
        elif name in _STEPS:
            _STEPS[name](self, argument)
        else:
            raise Malformed(f"it has the instruction {name}, which weights have no use for")

    def _two_lines(self) -> tuple[str, str]:
        first = self._data.index(b"\n", self._at)
        second = self._data.index(b"\n", first + 1)
        lines = self._data[self._at + 1 : first], self._data[first + 1 : second]
        return lines[0].decode(), lines[1].decode()

    def _name(self, module: Any, name: Any) -> Name:
        if not (isinstance(module, str) and isinstance(name, str)):
            raise Malformed("it asks for a name that is no text")
        if self._proto < 3:  # as Unpickler does with names of Python 2
            module, name = modern(module, name)
        found = named(module, name, self._allow)
        known = (CALLS, STORAGES, VALUES, ARGUMENTS)
        if not found.is_class and not any(found.full in names for names in known):
            self._refuse(found.full)
        return found

    def _refuse(self, what: str) -> None:
        self.foreign[what] = None

    def _refuse_use(self, found: Name, how: str) -> None:
        if found.full not in self.foreign:  # else its name alone says enough
            self._refuse(f"{found.full} ({how})")

    def _extension(self, code: int) -> None:
        self._refuse(f"number {code} of copyreg's registry")
        self._stack.append(Made("any"))

    def _call(self, function: Any, args: Any) -> None:
        if not isinstance(args, tuple):
            raise Malformed("it calls with arguments that are no tuple")
        self._spend(sum(len(arg) for arg in args if isinstance(arg, (list, tuple, str))))
        self._stack.append(self._result(function, args))

    def _result(self, function: Any, args: tuple[Any, ...]) -> Any:
        if not isinstance(function, Name):
            self._refuse("a call of what is no name")
            return Made("any", args)
        if function.full in self._allow:
            return Made("any", args)
        if function.full not in CALLS:
            self._refuse_use(function, "called")
            return Made("any", args)
        result = CALLS[function.full](args)
        if result is UNUSUAL:
            self._refuse_use(function, "called with arguments that weights do not need")
            return Made("any", args)
        return result

    def _reduce(self, _: Any) -> None:
        self._call(*self._pop_two())

    def _make(self, found: Any, args: Any, keywords: Any = None) -> None:
        is_plain = args == () and (keywords is None or not keywords.items)
        if isinstance(found, Name) and found.is_class and is_plain:
            kind = "any" if found.full in self._allow else "instance"
            made = Made(kind, made_of=found.full)
        else:
            made = Made("any", (args, keywords))
            if not isinstance(found, Name):
                self._refuse("an object of what is no class")
            elif found.full not in self._allow:
                self._refuse_use(found, "made")
        self._stack.append(made)

    def _make_extended(self, _: Any) -> None:
        keywords = self._stack.pop()
        if not isinstance(keywords, Pairs):
            raise Malformed("it makes an object with keywords that are no dict")
        found, args = self._pop_two()
        self._make(found, args, keywords)

    def _obj(self, _: Any) -> None:
        items = self._since_mark()
        self._make(items.pop(0), tuple(items))

    def _build(self, _: Any) -> None:
        state, target = self._stack.pop(), self._stack[-1]
        if isinstance(target, Name):
            self._refuse_use(target, "changed")
        elif not fits_state(target, state):
            raise Malformed("it gives a state to what takes none, or none like that")
        else:
            target.states.append(state)
            self.built.append(target)

    def _persistent(self, _: Any) -> None:
        """Take a storage: (storage, class, key, location, elements[, view]), see `torch.save`."""
        pid = self._stack.pop()
        if not isinstance(pid, tuple) or len(pid) < 4:
            raise Malformed("it refers to what is no storage")
        if pid[0] == "module" and isinstance(pid[1], Name) and pid[1].is_class:
            self._stack.append(pid[1])  # files of torch < 1.6 have the class's source beside it
            return
        is_usual = pid[0] == "storage" and isinstance(pid[1], Name) and pid[1].full in STORAGES
        if not is_usual or len(pid) not in (5, 6):
            raise Malformed("it refers to what is no storage")
        key, location, elements = pid[2:5]
        if not (isinstance(key, str) and isinstance(location, str) and type(elements) is int):
            raise Malformed("it refers to a storage in a way that torch does not")
        size = max(elements, 0) * STORAGES[pid[1].full]
        self.storages[key] = max(size, self.storages.get(key, 0))
        self._stack.append(Made("storage"))


def _with(method: Callable[..., None], *args: Any) -> Callable[[Machine, Any], None]:
    return lambda machine, _: method(machine, *args)


def _pushing(make: Callable[[Machine], Any]) -> Callable[[Machine, Any], None]:
    def push(machine: Machine, _: Any) -> None:
        value = make(machine)  # before the stack is looked at: a mark's end is another stack's
        machine._stack.append(value)

    return push


_STEPS: dict[str, Callable[[Machine, Any], Any]] = {
    "PROTO": Machine._proto_is,
    "FRAME": lambda machine, _: None,
    "STOP": lambda machine, _: None,
    "MARK": Machine._mark,
    "POP": Machine._pop,
    "POP_MARK": lambda machine, _: machine._since_mark(),
    "DUP": _pushing(lambda machine: machine._stack[-1]),
    **dict.fromkeys(("STRING", "BINSTRING", "SHORT_BINSTRING"), Machine._text),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), Machine._get),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), Machine._put),
    "TUPLE": _pushing(lambda machine: tuple(machine._since_mark())),
    "TUPLE1": _with(Machine._tuple, 1),
    "TUPLE2": _with(Machine._tuple, 2),
    "TUPLE3": _with(Machine._tuple, 3),
    "EMPTY_LIST": _pushing(lambda machine: []),
    "LIST": _pushing(Machine._since_mark),
    "APPEND": lambda machine, _: machine._extend([machine._stack.pop()]),
    "APPENDS": lambda machine, _: machine._extend(machine._since_mark()),
    "EMPTY_DICT": _pushing(lambda machine: Pairs()),
    "SETITEM": lambda machine, _: machine._set_items(machine._pop_two()),
    "SETITEMS": lambda machine, _: machine._set_items(machine._since_mark()),
    "EMPTY_SET": _pushing(lambda machine: Made("value", ([],))),
    "FROZENSET": _pushing(lambda machine: Made("value", (machine._since_mark(),))),
    "ADDITEMS": lambda machine, _: machine._add_items(machine._since_mark()),
    "GLOBAL": _pushing(lambda machine: machine._name(*machine._two_lines())),
    "STACK_GLOBAL": _pushing(lambda machine: machine._name(*machine._pop_two())),
    "INST": lambda machine, _: machine._make(
        machine._name(*machine._two_lines()), tuple(machine._since_mark())
    ),
    "OBJ": Machine._obj,
    "REDUCE": Machine._reduce,
    "NEWOBJ": lambda machine, _: machine._make(*machine._pop_two()),
    "NEWOBJ_EX": Machine._make_extended,
    "BUILD": Machine._build,
    "BINPERSID": Machine._persistent,
    "BYTEARRAY8": lambda machine, argument: machine._stack.append(bytes(argument)),
    **dict.fromkeys(("EXT1", "EXT2", "EXT4"), Machine._extension),
}


def _dict(machine: Machine, _: Any) -> None:
    items = machine._since_mark()
    machine._stack.append(Pairs())
    machine._set_items(items)


_STEPS["DICT"] = _dict
