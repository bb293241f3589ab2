"""Lets the submission generate over the stub, and over a real model where the stub tells nothing."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import pairwise

from sandbox.calls import CandidateFault
from sandbox.greedy import Stubbed, follow_rule
from sandbox.measurements import Measurements
from sandbox.remote import StubbedText

WHOLE = 120  # characters: the longest text that a program is promised; 128 tokens always fit
PROMPT, NEW = 9, WHOLE - 9  # over the stub, where a token costs next to nothing
FEW = 12  # new tokens beyond what is promised
NEXT = 8  # new tokens of a real model
_TRIES = 1000


@dataclass(frozen=True)
class Generated:
    """What `generate` made of a prompt."""

    prompt: str
    new_tokens: int
    text: str
    stub: StubbedText | None  # None where the model did not answer to the stub
    steps: Stubbed | None

    @property
    def new_text(self) -> str:
        return self.text.removeprefix(self.prompt)

    @property
    def clean(self) -> bool:
        """Whether each step was given the whole text and wrote what the stub put first."""
        steps = self.steps
        asked = steps is not None and len(steps.contexts) == self.new_tokens
        return asked and self.follows_scores and self.context_fault is None

    @property
    def follows_scores(self) -> bool:
        """Whether what was written is what the stub put first, for the contexts it was shown."""
        return self.steps is not None and bool(self.steps.contexts) and self.first_departure is None

    @property
    def first_departure(self) -> int | None:
        """The first new token that is not the one the stub put first; None where there is none."""
        if self.steps is None:
            return None
        pairs = zip(self.steps.written, self.steps.expected, strict=False)
        differ = next((i for i, (wrote, first) in enumerate(pairs) if wrote != first), None)
        return None if differ is None else max(0, differ - len(self.steps.prompt))

    @property
    def bare(self) -> bool:
        """Whether each context was the text so far and nothing else: no mark before it, no padding."""
        if self.steps is None:
            return False
        written, start = self.steps.written, len(self.steps.prompt)
        return all(context == written[: start + step] for step, context in enumerate(self.steps.contexts))

    @property
    def fed_once(self) -> bool:
        """Whether the model was given the text in parts and each token of it once, as over a cache."""
        if self.steps is None or not self.steps.contexts:
            return False
        prompt, written = self.steps.prompt, self.steps.written
        fed = [token for context in self.steps.contexts for token in context]
        whole = len(written) == len(prompt) + self.new_tokens
        return whole and len(prompt) <= len(fed) < len(written) and fed == written[: len(fed)]

    @property
    def context_fault(self) -> str | None:
        """What is wrong with the first context that isn't the text so far, if it could be."""
        if self.steps is None:
            return None
        for step, context in enumerate(self.steps.contexts):
            so_far = len(self.steps.prompt) + step
            if self.steps.is_cut(step):
                given = f"At step {step} the model was given {len(context)} tokens"
                return f"{given} that are not the last of the {so_far} so far."
            if len(context) < min(so_far, WHOLE):
                return f"At step {step} the model was given {len(context)} of the {so_far} tokens so far."
        return None


def generated(m: Measurements) -> Generated:
    return m.subject.once("generated", lambda: _generate(m, _telling(m), NEW))


def generated_beyond(m: Measurements) -> Generated:
    """A generation that goes beyond 128 tokens. Raises CandidateFault where the program stops there."""
    return m.subject.once("beyond", lambda: _generate_stubbed(m, prompt_of(m, WHOLE), FEW))


def samples(m: Measurements) -> bool:
    """Whether an untrained model, to which tokens are nearly alike, goes on from one prompt in two ways."""
    model, prompt = m.initial.model, prompt_of(m, PROMPT)
    again = m.subject.once("untrained text again", lambda: model.generate(prompt, NEXT))
    return untrained_text(m) != again


def untrained_text(m: Measurements) -> str:
    """What the untrained model makes of a prompt."""
    model, prompt = m.initial.model, prompt_of(m, PROMPT)
    return m.subject.once("untrained text", lambda: model.generate(prompt, NEXT))


def _generate(m: Measurements, prompt: str, new_tokens: int) -> Generated:
    try:
        return _generate_stubbed(m, prompt, new_tokens)
    except CandidateFault as fault:
        if fault.fatal:
            raise
    text = m.initial.model.generate(prompt, new_tokens)
    return Generated(prompt, new_tokens, text, None, None)


def _generate_stubbed(m: Measurements, prompt: str, new_tokens: int) -> Generated:
    stub = m.initial.model.generate_by_stub(prompt, new_tokens, choices=m.vocabulary)
    if not stub.served:
        return Generated(prompt, new_tokens, stub.text, None, None)
    ids = m.initial.model.tokens(prompt)[0]
    try:
        written = m.initial.model.tokens(stub.text)[0]
    except CandidateFault as fault:  # a text that its own tokenizer does not know
        if fault.fatal:
            raise
        written = []
    return Generated(prompt, new_tokens, stub.text, stub, Stubbed(ids, written, stub.contexts, m.vocabulary))


def prompt_of(m: Measurements, length: int) -> str:
    """Random characters of the sentence."""
    draw = random.Random(m.subject.seed + length)
    return "".join(draw.choice(sorted(set(m.text))) for _ in range(length))


def _telling(m: Measurements) -> str:
    """A prompt after which the stub's rule says something twice in a row and ends with a blank.

    It begins with a blank as well. Without a blank in the sentence, neither.
    """
    ids = dict(zip(m.text, m.initial.model.tokens(m.text)[0], strict=False))
    draw = random.Random(m.subject.seed)
    blank = ids.get(" ")
    prompt = ""
    for _ in range(_TRIES):
        prompt = "".join(draw.choice(sorted(ids)) for _ in range(PROMPT))
        prompt = prompt if blank is None else " " + prompt[1:]
        written = follow_rule([ids[c] for c in prompt], NEW, choices=m.vocabulary)[PROMPT:]
        twice = any(one == other for one, other in pairwise(written))
        if twice and (blank is None or written[-1] == blank):
            break
    return prompt
