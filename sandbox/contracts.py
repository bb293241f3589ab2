"""The file contracts by the job's word for them: each checks the names of a module that was just loaded."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping

from sandbox import cached_contract, classifier_contract, contract

CONTRACTS: Mapping[str, Callable[[types.ModuleType], None]] = {
    "gpt": contract.check_names,
    "kv_cache": cached_contract.check_names,
    "classifier": classifier_contract.check_names,
    "token_classifier": classifier_contract.check_token_names,
}
