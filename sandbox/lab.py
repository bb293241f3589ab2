"""Inside the jail: how long a model takes for one more token, by the length of its context, without a cache
and over one.

The app never imports this: `app/engine/lab.py` reads it as text and puts a call of `main` below it. So it
leans on torch and the standard library alone. The time of a step is the quickest of several: what else the
machine does can only add to it. The clock of a process's own processor time would be blind to that, but on
some kernels it ticks in steps of 4 ms.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import inspect
import io
import json
import re
import sys
import time
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

PREFIX = "lab "  # of the lines that are ours
STEPS = (64, 96, 128, 192, 256, 384, 512, 768, 1024)
CACHED_STEPS = (*STEPS, 1536, 2048, 3072, 4096, 6144, 8192, 12288, 16384, 24576, 32768)
SHARE_S = 1.6  # on the wall, for one of the two
LEAST, MOST = 3, 15  # repetitions of a step
ENOUGH_S = 0.03  # of repetitions
BUILT = 1009  # the context of a model before it is stretched: a length that nothing else has
CACHES = ("caches", "cache", "kv_caches", "kv_cache")
LONGEST = re.compile(
    r"block(_?size)?|(max_?)?context(_?(size|len|length|window))?|(n_?)?ctx(_?(size|len|length))?|"
    r"(max_?)?seq(uence)?_?len(gth)?|max_?(len|length|seq|positions?|tokens)|t_max|n_?positions|"
    r"max_position_embeddings|window(_?size)?|longest",
    re.IGNORECASE,
)
SHORTEST = 16  # a constant below is no length of a context

Fill = Callable[[int], Sequence[Any]]  # caches that hold so many tokens


def main(programs: Mapping[str, Mapping[str, str]]) -> None:
    """Measure what is there of `uncached` and `cached`, each a program's `source` and its `text`."""
    say = _lines()
    for name, measure in (("uncached", _uncached), ("cached", _cached)):
        if name not in programs:
            continue
        program, until = programs[name], time.monotonic() + SHARE_S
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                for point in measure(program["source"], program["text"], until):
                    say({"series": name, **point})
        except (Exception, SystemExit) as error:  # it goes no further; what was measured stands
            say({"series": name, "ended": type(error).__name__})
    say({"done": True})


def _lines() -> Callable[[Mapping[str, Any]], None]:
    """Writes to the stream that is ours now, whatever stands in its place later."""
    stream = sys.stdout
    return lambda facts: print(PREFIX + json.dumps(facts), file=stream, flush=True)


def _uncached(source: str, text: str, until: float) -> Iterator[dict[str, Any]]:
    """`model(idx)` over T tokens."""
    program = _load(source, text, block_size=STEPS[-1])
    yield program.said
    seconds = 0.0
    for i, length in enumerate(program.within(STEPS)):
        if i and time.monotonic() + LEAST * seconds * (length / STEPS[i - 1]) ** 2 > until:
            return
        idx = program.ids(length)  # (1, T)
        seconds = _quickest(lambda idx=idx: program.model(idx))
        yield {"T": length, "ms": round(1000 * seconds, 4)}


def _cached(source: str, text: str, until: float) -> Iterator[dict[str, Any]]:
    """`model(idx, caches)` with one token, so that it meets T with those that the caches hold."""
    program = _load(source, text, block_size=BUILT)
    if program.said:
        _stretch(program, CACHED_STEPS[-1])
    yield program.said
    fill, name = _filler(program), _name_of_caches(program.model)
    one, seconds = program.ids(1), 0.0  # (1, 1)
    for i, length in enumerate(program.within(CACHED_STEPS)):
        if i and time.monotonic() + 2 * LEAST * seconds * length / CACHED_STEPS[i - 1] > until:
            return
        seconds = _quickest(
            lambda caches: program.model(one, **{name: caches}) if name else program.model(one, caches),
            before=lambda length=length: fill(length - 1),  # type: ignore[misc]
        )
        yield {"T": length, "ms": round(1000 * seconds, 4)}


class Program:
    """A program that was loaded and trained for a step, for a model of its own making."""

    def __init__(self, module: types.ModuleType, text: str, said: dict[str, Any]) -> None:
        torch.manual_seed(0)
        self.module = module
        self.model, tokenizer, *_ = module.train(text, 1, 1e-3)
        if isinstance(self.model, nn.Module):
            self.model.eval()
        self.said = said
        self._ids = [int(i) for i in tokenizer.encode(text)]

    def within(self, steps: Sequence[int]) -> list[int]:
        """Those that it has room for, as far as that is known."""
        return [length for length in steps if length <= self.said.get("now", length)]

    def ids(self, length: int) -> Tensor:
        """The text again and again."""
        return torch.tensor([(self._ids * (length // len(self._ids) + 1))[:length]])  # (1, T)


def _load(source: str, text: str, *, block_size: int) -> Program:
    """The program with a longer context, as it is where that can't be had."""
    longer, said = lengthened(source, block_size)
    if said:
        with contextlib.suppress(Exception):
            return Program(_executed(longer), text, said)
    return Program(_executed(ast.parse(source)), text, {})


def lengthened(source: str, size: int) -> tuple[ast.Module, dict[str, Any]]:
    """The program's tree with its longest context set to `size`, and what that was called and was before."""
    tree = ast.parse(source)
    said: dict[str, Any] = {}
    for name, value in _named(tree):
        if not LONGEST.fullmatch(name) or not isinstance(value, ast.Constant):
            continue
        if type(value.value) is int and SHORTEST <= value.value < size:
            said = said or {"name": name, "was": value.value, "now": size}
            value.value = size
    return tree, said


def _named(tree: ast.AST) -> Iterator[tuple[str, ast.expr | None]]:
    """Whatever has a value under a name: assigned, a default, passed by name, or in a dictionary."""
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    yield from _assigned(target, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                yield from _assigned(target, value)
            case ast.keyword(arg=str(name), value=value):
                yield name, value
            case ast.Dict(keys=keys, values=values):
                for key, value in zip(keys, values, strict=True):
                    if isinstance(key, ast.Constant) and isinstance(key.value, str):
                        yield key.value, value
            case ast.arguments(posonlyargs=first, args=args, defaults=defaults):
                with_default = [*first, *args][len(first) + len(args) - len(defaults) :]
                yield from ((one.arg, value) for one, value in zip(with_default, defaults, strict=True))
                yield from (
                    (one.arg, default) for one, default in zip(node.kwonlyargs, node.kw_defaults, strict=True)
                )


def _assigned(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    match target, value:
        case ast.Name(id=name), _:
            yield name, value
        case ast.Attribute(attr=name), _:
            yield name, value
        case ast.Tuple(elts=targets), ast.Tuple(elts=values) if len(targets) == len(values):
            for one, its in zip(targets, values, strict=True):
                yield from _assigned(one, its)


def _executed(tree: ast.Module) -> types.ModuleType:
    module = types.ModuleType("submission")
    sys.modules["submission"] = module  # dataclasses and pickle look their module up by name
    exec(compile(tree, "submission.py", "exec", dont_inherit=True), module.__dict__)
    return module


def _stretch(program: Program, size: int) -> None:
    """Give a loaded model room for so many tokens without building it so large: a mask is their square.

    What was as long as the context becomes a view that repeats its last row. Of a mask that is the row of a
    token which sees all before it, as a single token over a full cache does.
    """
    built = program.said["now"]
    for values, put in _kept_by(program):
        for name, value in [*values.items()]:
            if type(value) is int and value == built:
                put(name, size)
            elif isinstance(value, Tensor) and built in value.shape:
                longer = _repeated(value.detach(), built, size)
                put(name, nn.Parameter(longer) if isinstance(value, nn.Parameter) else longer)
    program.said["now"] = size


def _repeated(value: Tensor, built: int, size: int) -> Tensor:
    """Its last entry along each dimension of the length `built`, again and again."""
    lengths = [*value.shape]
    for dim, length in enumerate(lengths):
        if length == built:
            value, lengths[dim] = value.narrow(dim, built - 1, 1), size
    return value.expand(lengths)


def _kept_by(program: Program) -> Iterator[tuple[Mapping[str, Any], Callable[[str, Any], None]]]:
    """Where a program keeps sizes and tensors (its file, modules, their settings), and how to change one."""
    parts = [*program.model.modules()] if isinstance(program.model, nn.Module) else [program.model]
    file = vars(program.module)
    own = [one for one in file.values() if getattr(one, "__module__", "") == program.module.__name__]
    for kept in (file, *(vars(part) for part in parts)):
        yield kept, kept.__setitem__
        for name, value in [*kept.items()]:
            if isinstance(value, dict) and name not in ("__builtins__", "_modules"):
                yield value, value.__setitem__
            elif type(value) in own:  # a configuration
                yield vars(value), vars(value).__setitem__
    for one in own:
        if isinstance(one, type):
            yield vars(one), functools.partial(setattr, one)


def _filler(program: Program) -> Fill:
    """Fills caches with random keys and values of the shapes that the model itself stores."""
    few, more = (_stored(program, count) for count in (1, 2))
    kept: list[list[tuple[Tensor, int]]] = []  # by cache: keys and values, each with its dimension of time
    for short, long in zip(few, more, strict=True):
        kept.append([_long(one, other) for one, other in zip(short, long, strict=True)])

    def fill(count: int) -> Sequence[Any]:
        caches: Sequence[Any] = program.module.new_caches(program.model)
        for cache, pair in zip(caches, kept, strict=True):
            cache.update(*(one.narrow(time_dim, 0, count) for one, time_dim in pair))
        if int(caches[0].length()) != count:
            raise ValueError("a cache holds another number of tokens than it was given")
        return caches

    return fill


def _long(one: Tensor, two: Tensor) -> tuple[Tensor, int]:
    """Random numbers in the shape of what is stored of one token, for all that is ever asked for."""
    dim = next(i for i, (a, b) in enumerate(zip(one.shape, two.shape, strict=True)) if a != b)
    shape = [*one.shape]
    shape[dim] = CACHED_STEPS[-1]
    return torch.randn(shape, dtype=one.dtype), dim  # (B, H, T, D) or whatever order it is


def _stored(program: Program, count: int) -> list[list[Tensor]]:
    """What reaches the `update` of each cache when so many tokens are fed."""
    caches = program.module.new_caches(program.model)
    seen: dict[int, list[Tensor]] = {}
    kind = type(caches[0])
    update = kind.update

    def watched(cache: Any, *values: Any, **named: Any) -> Any:
        tensors = [one for one in (*values, *named.values()) if isinstance(one, Tensor)]
        seen.setdefault(id(cache), tensors)
        return update(cache, *values, **named)

    kind.update = watched
    try:
        name = _name_of_caches(program.model)
        with torch.no_grad():
            ids = program.ids(count)  # (1, T)
            program.model(ids, **{name: caches}) if name else program.model(ids, caches)
    finally:
        kind.update = update
    return [seen[id(cache)] for cache in caches]


def _name_of_caches(model: Any) -> str | None:
    """The parameter that takes them; None for the second, whatever it is called."""
    parameters = inspect.signature(getattr(model, "forward", model)).parameters
    return next((one for one in parameters if one in CACHES), None)


def _quickest(step: Callable[..., Any], *, before: Callable[[], Any] | None = None) -> float:
    """Seconds of a step; what is done before each is not counted."""
    taken: list[float] = []
    with torch.no_grad():
        while len(taken) < LEAST or (sum(taken) < ENOUGH_S and len(taken) < MOST):
            given = () if before is None else (before(),)
            began = time.perf_counter()
            step(*given)
            taken.append(time.perf_counter() - began)
    return min(taken)
