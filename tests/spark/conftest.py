"""One cluster for all tests of Spark, and one long-lived run on it for each way to reach it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.spark.cluster import Farm, farm, missing
from tests.spark.runner import Runner

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs Spark, and says so where it is not."""
    lacking = missing()
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.spark)
            if lacking:
                item.add_marker(pytest.mark.skip(reason=f"NOT TESTED ON SPARK: no {lacking} here"))


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    """A master, two workers and a Spark Connect server."""
    with farm(tmp_path_factory.mktemp("farm")) as made:
        made.serve()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SPARK_CONF_DIR", str(made.settings))
            yield made


@pytest.fixture(scope="session")
def classic(cluster: Farm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """Runs that are drivers of the cluster themselves."""
    runner = Runner(cluster.master, tmp_path_factory.mktemp("classic"))
    yield runner
    runner.close()


@pytest.fixture(scope="session")
def connect(cluster: Farm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """Runs that have no Java of their own."""
    runner = Runner(cluster.connect, tmp_path_factory.mktemp("connect"))
    yield runner
    runner.close()


@pytest.fixture(scope="session")
def sales(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of Parquet with several parts for each core."""
    import polars as pl

    from tests.tool import SALES

    folder = tmp_path_factory.mktemp("sales")
    frame = pl.read_csv(SALES, try_parse_dates=True)
    for part in range(6):
        frame.gather_every(6, part).write_parquet(folder / f"{part}.parquet")
    return folder
