"""What a greedy generation must write by the stub's rule."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, reduce

from sandbox.stub import EMPTY, absorbed, choice_of


@dataclass(frozen=True)
class Stubbed:
    """A generation over the stub, compared step by step with what it was given."""

    prompt: list[int]
    written: list[int]  # all ids of the text that came out
    contexts: list[list[int]]
    choices: list[int]  # the ids that the stub may choose

    @cached_property
    def expected(self) -> list[int]:
        """The prompt and, for each context, the token that the stub put first."""
        text = list(self.prompt)
        for context in self.contexts:
            text.append(_choice(_without_padding(context, text), self.choices))
        return text

    def is_cut(self, step: int) -> bool:
        """Whether a context is not the end of the text so far.

        More than the text may stand in front of it, a token that marks the beginning, or behind it, padding.
        """
        whole = len(self.written) == len(self.prompt) + len(self.contexts)
        so_far = (self.written if whole else self.expected)[: len(self.prompt) + step]
        context = _without_padding(self.contexts[step], so_far)
        common = min(len(so_far), len(context))
        return so_far[len(so_far) - common :] != context[len(context) - common :]


def _without_padding(context: list[int], so_far: list[int]) -> list[int]:
    """The text so far alone, where it is what a longer context begins with and does not end with."""
    n = len(so_far)
    padded = len(context) > n and context[:n] == so_far and context[-n:] != so_far
    return so_far if padded else context


def follow_rule(ids: list[int], new_tokens: int, *, choices: list[int]) -> list[int]:
    """What the stub writes after a context that it always sees whole."""
    ids, value = list(ids), reduce(absorbed, ids, EMPTY)
    for _ in range(new_tokens):
        ids.append(choices[choice_of(value, choices=len(choices))])
        value = absorbed(value, ids[-1])
    return ids


def _choice(ids: list[int], choices: list[int]) -> int:
    return choices[choice_of(reduce(absorbed, ids, EMPTY), choices=len(choices))]
