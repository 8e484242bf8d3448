"""Customer analytics: Pareto tiers, RFM, lifetime value and what belongs beside them.

    import crmkit

    sales = crmkit.read("sales.csv")
    customers = crmkit.customers.build(sales)
    print(crmkit.rfm.analyse(customers).tables["segments"])

Each analysis is a module (`crmkit.rfm`, `crmkit.pareto`, …) whose `analyse` returns a `Result`.
Modules are imported when they are first used, so that the command line starts at once.
"""

from importlib import import_module
from typing import Any

from crmkit import _version
from crmkit.errors import CrmkitError, DataError, GateError, ModelError, UsageError
from crmkit.result import Result

__version__ = _version.VERSION
__all__ = [
    "CrmkitError",
    "DataError",
    "GateError",
    "ModelError",
    "Result",
    "UsageError",
    "__version__",
    "read",
]

# Questions that live in a room of their own.
_HOMES = {
    "accumulation": "whatif.accumulation",
    "split": "campaigns.split",
    "value": "whatif.value",
}


def read(files: Any, **options: Any) -> Any:
    """The transactions of `files`: a path, glob, folder or list of them; see `crmkit.load.load`.

    `options` are the fields of `crmkit.load.Options`; `columns={"customer": "buyer"}` names columns.
    """
    from crmkit.load import Options, load

    return load(files, Options(**options))


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(name)
    try:
        return import_module(f"crmkit.{_HOMES.get(name, name)}")
    except ModuleNotFoundError as error:
        if error.name != f"crmkit.{name}":
            raise
        raise AttributeError(f"module 'crmkit' has no attribute {name!r}") from None
