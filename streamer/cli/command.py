"""Commands whose arguments are declared once: as the fields of a struct that one function takes."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, field, fields
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from streamer.cli.told_to_end import told_to_end_by_signals

if TYPE_CHECKING:
    from typer._click import Context, HelpFormatter, Parameter

DECLARED = "declared"  # in a field's metadata: what typer makes an argument of
POSITIONAL = "positional"  # whether it is called by its place
CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def option(
    default: Any,
    metavar: str,
    help: str,
    *,
    name: str = "",
    usual: str | None = None,
    min: float | None = None,
    max: float | None = None,
    file_okay: bool = True,
    check: Callable[[Any], Any] | None = None,
) -> Any:
    """A field that is an option, called as the field or `name`; `usual` describes the default.

    `check` takes a value that is given; it returns the value to use, or raises typer.BadParameter.
    """

    def declared(field_name: str) -> Any:
        return typer.Option(
            name or f"--{field_name.replace('_', '-')}",
            metavar=metavar or None,
            help=help,
            show_default=usual or True,
            min=min,
            max=max,
            file_okay=file_okay,
            callback=check,
        )

    return field(default=default, metadata={DECLARED: declared, POSITIONAL: False})


def flag(help: str) -> Any:
    """A field that is False unless its option is given."""
    return option(False, "", help)


def argument(
    metavar: str,
    help: str,
    *,
    default: Any = MISSING,
    usual: str | None = None,
    dir_okay: bool = True,
    check: Callable[[Any], Any] | None = None,
) -> Any:
    """A field that is an argument, called by its place; without a default it must be given.

    `check` is that of an `option`.
    """

    def declared(field_name: str) -> Any:
        return typer.Argument(
            metavar=metavar, help=help, show_default=usual or True, dir_okay=dir_okay, callback=check
        )

    return field(default=default, metadata={DECLARED: declared, POSITIONAL: True})


class Command(TyperCommand):
    """A command that is imported when it runs or when its options are asked for.

    `place` is "module:function". The function takes one dataclass, whose fields are the command's
    arguments: each is an `option`, a `flag` or an `argument`. It returns the exit status, or None for 0.
    """

    def __init__(self, name: str, place: str, help: str):
        super().__init__(name, help=help, rich_markup_mode=None)
        self.place = place

    def get_params(self, ctx: "Context") -> "list[Parameter]":
        if self.callback is None:
            module, _, function = self.place.partition(":")
            self.params, self.callback = _declared(getattr(import_module(module), function))
        return super().get_params(ctx)

    def collect_usage_pieces(self, ctx: "Context") -> list[str]:
        return [piece.replace("{", "").replace("}", "") for piece in super().collect_usage_pieces(ctx)]

    def format_options(self, ctx: "Context", formatter: "HelpFormatter") -> None:
        _write_parameters(self.get_params(ctx), formatter)


class Group(TyperGroup):
    """A group of commands; its help lists them under the headings of `panels`."""

    def __init__(
        self,
        name: str,
        help: str,
        panels: Mapping[str, Sequence[TyperCommand | TyperGroup]],
        params: "Sequence[Parameter]" = (),
    ):
        commands = [command for panel in panels.values() for command in panel]
        super().__init__(name=name, help=help, commands=commands, params=list(params), rich_markup_mode=None)
        self.panels = panels

    def parse_args(self, ctx: "Context", args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            ctx.fail(f"Missing command; `{ctx.command_path} --help` lists the commands.")
        return super().parse_args(ctx, args)

    def format_options(self, ctx: "Context", formatter: "HelpFormatter") -> None:
        _write_parameters(self.get_params(ctx), formatter)
        self.format_commands(ctx, formatter)

    def format_commands(self, ctx: "Context", formatter: "HelpFormatter") -> None:
        width = max(len(name) for name in self.commands)
        for heading, commands in self.panels.items():
            with formatter.section(heading):
                formatter.write_dl(
                    [((command.name or "").ljust(width), command.help or "") for command in commands]
                )


def _write_parameters(params: "Sequence[Parameter]", formatter: "HelpFormatter") -> None:
    """The help of arguments and options: what they are called, what they do, what is usual."""
    for heading, kind in ("Arguments", TyperArgument), ("Options", TyperOption):
        rows = [(_names(param), _help(param)) for param in params if isinstance(param, kind)]
        if rows:
            with formatter.section(heading):
                formatter.write_dl(rows)


def _names(param: TyperArgument | TyperOption) -> str:
    if isinstance(param, TyperArgument):
        return param.metavar or param.opts[0]
    names = [", ".join(sorted(param.opts, key=len)), *param.secondary_opts]
    return " ".join([" / ".join(names), *([param.metavar] if param.metavar else [])])


def _help(param: TyperArgument | TyperOption) -> str:
    """What the parameter does, its default and its range."""
    usual, notes = param.show_default, []
    if not isinstance(usual, str):
        usual = "" if isinstance(param.default, bool) or not usual else _written(param.default)
    if param.secondary_opts:
        usual = param.opts[0] if param.default else param.secondary_opts[0]
    if usual:
        notes.append(f"default: {usual}")
    if param.min is not None and param.max is not None:
        notes.append(f"{param.min:g} to {param.max:g}")
    return f"{param.help} [{'; '.join(notes)}]" if notes else param.help or ""


def _written(default: object) -> str:
    return f"{default:g}" if isinstance(default, float) and default else str(default or "")


def parameters(declared: Callable[..., Any], completion: bool = False) -> "tuple[list[Parameter], Any]":
    """The parameters that typer makes of `declared`, and the callback that takes their values."""
    single = typer.Typer(add_completion=completion, rich_markup_mode=None)
    single.command()(declared)
    command = typer.main.get_command(single)
    return command.params, command.callback


def _declared(run: Callable[[Any], int | None]) -> "tuple[list[Parameter], Any]":
    (name,) = inspect.signature(run).parameters
    options = get_type_hints(run)[name]
    hints = get_type_hints(options)

    def called(**values: Any) -> None:
        with told_to_end_by_signals():
            status = run(options(**values))
        raise typer.Exit(status or 0)

    called.__signature__ = inspect.Signature(  # type: ignore[attr-defined] # typer reads it, as inspect does
        [_parameter(field, hints[field.name]) for field in _ordered(options)]
    )
    return parameters(called)


def _parameter(field: "Field[Any]", hint: Any) -> inspect.Parameter:
    default = inspect.Parameter.empty if field.default is MISSING else field.default
    declared = Annotated[hint, field.metadata[DECLARED](field.name)]
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=declared)


def _ordered(options: type) -> "list[Field[Any]]":
    """The fields of a struct: arguments by their places, then options, its own before those of its bases."""
    named = {field.name: field for field in fields(options)}
    names = dict.fromkeys(name for cls in options.__mro__ for name in inspect.get_annotations(cls))
    arguments = [field for field in named.values() if field.metadata[POSITIONAL]]
    return arguments + [named[name] for name in names if not named[name].metadata[POSITIONAL]]
