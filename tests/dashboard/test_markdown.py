"""No page shows Markdown that somebody else wrote.

What is given to an element that renders Markdown is followed to where it is made: a literal, `tr`,
`plain`, `code`, or a function that says that it gives `Markdown` and is followed in turn.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import dashboard

ROOT = Path(dashboard.__file__).parent
# Renders its first argument, and those of these names.
RENDERS = frozenset(
    """
    badge button caption checkbox color_picker data_editor date_input dialog download_button error
    exception expander feedback file_uploader form_submit_button header info link_button markdown
    metric multiselect number_input page_link pills popover progress radio segmented_control
    select_slider selectbox slider spinner status subheader success tabs text_area text_input
    time_input title toast toggle warning write write_stream
    """.split()  # noqa: SIM905
)
NAMED = frozenset(("label", "body", "title", "help", "caption", "text", "delta"))
MARKDOWN_OPTIONS = frozenset(("pills", "radio", "segmented_control", "select_slider"))
NOT_FIRST = frozenset(("progress", "image", "page_link"))  # a number, a picture, a page
LOGS = frozenset(("_log", "logging", "warnings"))
MAKERS = frozenset(("tr", "plain", "code", "joined"))
COLUMN = ("Column", "TextColumn", "NumberColumn", "DatetimeColumn", "ProgressColumn", "ListColumn")
NUMBERS = frozenset("bcdeEfgGn%")
Function = ast.FunctionDef | ast.Lambda


class Module:
    """A file of the dashboard, with what is known about its names."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tree = ast.parse(path.read_text(encoding="utf-8"))
        self.parents = {
            child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)
        }

    def scopes(self, node: ast.AST) -> Iterator[Function | ast.Module]:
        """Give the functions around a node, innermost first, and the module."""
        while node in self.parents:
            node = self.parents[node]
            if isinstance(node, (ast.FunctionDef, ast.Lambda, ast.Module)):
                yield node


def modules() -> list[Module]:
    return [Module(path) for path in sorted(ROOT.rglob("*.py"))]


def is_markdown(annotation: ast.expr | None) -> bool:
    return annotation is not None and ast.unparse(annotation) in (
        *("Markdown", "Markdown | None", "list[Markdown]", "Sequence[Markdown]"),
        *("Mapping[str, Markdown]", "dict[str, Markdown]", "int", "float", "bool"),
    )


MODULES = modules()
GIVES_MARKDOWN = MAKERS | {
    node.name
    for module in MODULES
    for node in ast.walk(module.tree)
    if isinstance(node, ast.FunctionDef) and is_markdown(node.returns)
}


class Follower:
    """Follows expressions of one module to where their text comes from."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.asked: set[ast.AST] = set()

    def is_safe(self, node: ast.expr | None) -> bool:
        """Say whether all text in an expression is ours or escaped."""
        if node is None or node in self.asked:
            return True
        self.asked.add(node)
        match node:
            case ast.Constant():
                return True
            case ast.JoinedStr(values=parts) | ast.Tuple(elts=parts) | ast.List(elts=parts):
                return all(map(self.is_safe, parts))
            case ast.Dict(values=parts) | ast.BoolOp(values=parts):
                return all(map(self.is_safe, parts))
            case ast.FormattedValue(value=value, format_spec=spec):
                return self.is_number(value, spec) or self.is_safe(value)
            case ast.IfExp(body=one, orelse=two) | ast.BinOp(left=one, right=two):
                return self.is_safe(one) and self.is_safe(two)
            case ast.Starred(value=value) | ast.NamedExpr(value=value):
                return self.is_safe(value)
            case ast.ListComp(elt=elt) | ast.GeneratorExp(elt=elt):
                return self.is_safe(elt)
            case ast.DictComp(value=value):
                return self.is_safe(value)
            case ast.Subscript(value=value):
                return self.is_safe(value)
            case ast.Call():
                return self.is_safe_call(node)
            case ast.Name():
                return self.is_safe_name(node)
        return False

    def is_number(self, value: ast.expr, spec: ast.expr | None) -> bool:
        """Say whether only a number can be formatted like this."""
        if isinstance(value, ast.Call) and ast.unparse(value.func) in ("len", "round", "sum"):
            return True
        return spec is not None and ast.unparse(spec).rstrip("'\"")[-1] in NUMBERS | {","}

    def is_safe_call(self, call: ast.Call) -> bool:
        match call.func:
            case ast.Name(id="Markdown") | ast.Name(id="reversed") | ast.Name(id="list"):
                return all(map(self.is_safe, call.args))
            case ast.Name(id=name):
                return name in GIVES_MARKDOWN
            case ast.Attribute(value=text, attr="join"):
                return self.is_safe(text) and all(map(self.is_safe, call.args))
            case ast.Attribute(value=text, attr="get" | "values" | "strip" | "items" | "lower"):
                return self.is_safe(text) and all(map(self.is_safe, call.args[1:]))
            case ast.Attribute(attr=name):
                return name in GIVES_MARKDOWN
        return False

    def is_safe_name(self, name: ast.Name) -> bool:
        """Say whether everything that a name is set to is safe."""
        for scope in self.module.scopes(name):
            found = list(self.settings(scope, name.id))
            if found:
                return all(found)
        return False

    def settings(self, scope: ast.AST, name: str) -> Iterator[bool]:
        if isinstance(scope, (ast.FunctionDef, ast.Lambda)):
            given = scope.args
            for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs):
                if argument.arg == name:
                    yield is_markdown(argument.annotation)
        for node in ast.walk(scope):
            inner = next(iter(self.module.scopes(node)), None)
            if inner is not scope and not isinstance(node, ast.comprehension):
                continue
            match node:
                case ast.Assign(targets=targets, value=value):
                    for target in targets:
                        yield from self.assigned(target, value, name)
                case ast.AnnAssign(target=target, value=value) if value:
                    yield from self.assigned(target, value, name)
                case (
                    ast.AugAssign(target=target, value=value)
                    | ast.NamedExpr(target=target, value=value)
                ):
                    yield from self.assigned(target, value, name)
                case (
                    ast.For(target=target, iter=value)
                    | ast.comprehension(target=target, iter=value)
                ):
                    yield from self.iterated(target, value, name)
                case ast.Call(func=ast.Attribute(value=ast.Name(id=id), attr="append" | "extend")):
                    if id == name:
                        yield all(map(self.is_safe, node.args))

    def assigned(self, target: ast.expr, value: ast.expr, name: str) -> Iterator[bool]:
        match target, value:
            case ast.Name(id=id), _ if id == name:
                yield self.is_safe(value)
            case ast.Tuple(elts=targets), ast.Tuple(elts=values) if len(targets) == len(values):
                for one, of in zip(targets, values, strict=True):
                    yield from self.assigned(one, of, name)
            case ast.Tuple(elts=targets), _:
                if any(isinstance(one, ast.Name) and one.id == name for one in targets):
                    yield self.is_safe(value)

    def iterated(self, target: ast.expr, values: ast.expr, name: str) -> Iterator[bool]:
        """Follow what a loop goes through: a literal's column, else all of it."""
        named = [node.id for node in ast.walk(target) if isinstance(node, ast.Name)]
        if name not in named:
            return
        match target, values:
            case ast.Tuple(elts=targets), ast.Tuple(elts=rows) | ast.List(elts=rows):
                for row in rows:
                    if isinstance(row, ast.Tuple):
                        for one, of in zip(targets, row.elts, strict=True):
                            yield from self.assigned(one, of, name)
            case ast.Tuple(elts=targets), ast.Call(func=ast.Name(id="zip"), args=columns):
                for one, column in zip(targets, columns, strict=True):
                    yield from self.iterated(one, column, name)
            case ast.Tuple(elts=[_, item]), ast.Call(func=ast.Attribute(value=of, attr="items")):
                is_item = isinstance(item, ast.Name) and item.id == name
                yield self.is_safe(of) if is_item else self.has_safe_keys(of)
            case _:
                yield self.is_safe(values)

    def has_safe_keys(self, mapping: ast.expr) -> bool:
        """Say whether the keys of a mapping are written in the module."""
        if isinstance(mapping, ast.Dict):
            return all(map(self.is_safe, mapping.keys))
        if not isinstance(mapping, ast.Name):
            return False
        return any(
            isinstance(node, (ast.Assign, ast.AnnAssign))
            and isinstance(node.value, ast.Dict)
            and ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node.target)
            == mapping.id
            and self.has_safe_keys(node.value)
            for node in ast.walk(self.module.tree)
        )


def rendered(call: ast.Call) -> Iterator[ast.expr]:
    """Give the arguments of a call that Streamlit renders as Markdown."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    if name in COLUMN:
        yield from (word.value for word in call.keywords if word.arg == "help")
    if name not in RENDERS | NOT_FIRST or ast.unparse(call.func).split(".")[0] in LOGS:
        return
    yield from call.args[
        int(name in NOT_FIRST) : 3 if name == "metric" else 1 + (name in NOT_FIRST)
    ]
    yield from (
        word.value
        for word in call.keywords
        if word.arg in NAMED or (word.arg == "value" and name == "metric")
    )
    if name in MARKDOWN_OPTIONS:
        shown = next((word.value for word in call.keywords if word.arg == "format_func"), None)
        if isinstance(shown, ast.Lambda):
            yield shown.body
        elif not (isinstance(shown, ast.Name) and shown.id in GIVES_MARKDOWN):
            yield shown or call.args[1]


def wrong_of(module: Module) -> list[str]:
    wrong = []
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            wrong += [part for part in rendered(node) if not Follower(module).is_safe(part)]
        elif isinstance(node, ast.Return) and module.path.name not in ("plain.py", "i18n.py"):
            function = next(iter(module.scopes(node)))
            gives = isinstance(function, ast.FunctionDef) and is_markdown(function.returns)
            is_text = gives and "Markdown" in ast.unparse(function.returns)  # type: ignore[arg-type,union-attr]
            if is_text and not Follower(module).is_safe(node.value):
                wrong.append(node.value)
    return [
        f"{module.path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)}"
        for node in wrong
        if node is not None
    ]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.path.relative_to(ROOT)))
def test_a_page_shows_only_markdown_of_our_own(module: Module) -> None:
    assert not wrong_of(module)


def test_our_own_markup_is_given_to_texts_as_markdown() -> None:
    lost = [
        f"{module.path.name}:{call.lineno}: {word.arg}"
        for module in MODULES
        for call in ast.walk(module.tree)
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "tr"
        for word in call.keywords
        for made in made_of(module, word.value)
        if has_markup(made)
    ]
    assert not lost  # they would be shown with their marks


def made_of(module: Module, value: ast.expr) -> list[ast.expr]:
    """Give what a value is, or what its name is set to."""
    if not isinstance(value, ast.Name):
        return [value]
    function = next(iter(module.scopes(value)))
    return [
        node.value
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == value.id
    ]


def has_markup(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return ast.unparse(node.func) not in GIVES_MARKDOWN | {"Markdown"} and any(
            map(has_markup, ast.iter_child_nodes(node))
        )
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and any(mark in node.value for mark in ("**", "[", "`"))
    return isinstance(node, (ast.JoinedStr, ast.IfExp, ast.BinOp, ast.BoolOp)) and any(
        map(has_markup, ast.iter_child_nodes(node))
    )


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.path.relative_to(ROOT)))
def test_templates_put_no_value_where_escaping_does_not_work(module: Module) -> None:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            assert "`{" not in node.value, node.value  # see `code`
            assert "]({" not in node.value, node.value


def test_charts_links_and_raw_html_have_one_place_each() -> None:
    found = {
        (module.path.name, node.func.attr)
        for module in MODULES
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and (
            node.func.attr in ("plotly_chart", "LinkColumn", "iframe", "page_link")
            or any(word.arg == "unsafe_allow_html" for word in node.keywords)
        )
    }
    assert found == {("charts.py", "plotly_chart"), ("navigation.py", "page_link")}
