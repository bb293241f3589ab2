"""What a file must define, by the job's word for it."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping

from sandbox import classifier_contract, contract

CONTRACTS: Mapping[str, Callable[[types.ModuleType], None]] = {
    "gpt": contract.check_names,
    "classifier": classifier_contract.check_names,
    "token_classifier": classifier_contract.check_token_names,
}
