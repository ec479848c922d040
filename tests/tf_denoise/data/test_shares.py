"""Shares of a batch: together they are the batch that one device sees, whatever is drawn for it."""

import logging

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, strategies as st
from picture_files import smooth_photographs

from tf_denoise.data import CropSampler, load_folder, load_pairs, noisy_crops
from tf_denoise.data.shares import WHOLE, Share
from tf_denoise.noise import AdditiveGaussian, PoissonGaussian
from tf_denoise.self_supervised import masked_crops, recorrupted_crops, twin_crops

BATCH, SIDE = 12, 16


@given(hosts=st.integers(1, 5), devices=st.integers(1, 4), size=st.integers(1, 3))
def test_all_shares_together_are_the_batch_once(hosts, devices, size):
    every = hosts * devices
    rows = [Share(host * devices, devices, every).rows(size * every) for host in range(hosts)]
    assert [row for part in rows for row in part] == list(range(size * every))


def test_the_share_of_one_is_all():
    assert WHOLE.rows(7) == range(7)
    batches = tf.data.Dataset.range(3)
    assert WHOLE.dealt(batches, 7) is batches


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return smooth_photographs(tmp_path_factory.mktemp("photographs"))


DATASETS = {
    "Gaussian": lambda sampler, step: noisy_crops(sampler, AdditiveGaussian(0.1), step),
    "Poisson": lambda sampler, step: noisy_crops(sampler, PoissonGaussian(50.0), step),
    "recorrupted": lambda sampler, step: recorrupted_crops(sampler, 0.1, start_step=step),
    "mirrored": lambda sampler, step: recorrupted_crops(sampler, 0.1, start_step=step),
    "masked": lambda sampler, step: masked_crops(sampler, start_step=step),
    "twins": lambda sampler, step: twin_crops(sampler, step),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", DATASETS)
@pytest.mark.parametrize(("hosts", "devices"), [(2, 1), (3, 1), (2, 2)])
def test_shares_are_the_parts_of_the_batch_of_one(folder, name, hosts, devices):
    photographs = load_pairs(folder, folder) if name == "twins" else load_folder(folder)
    every, steps = hosts * devices, 2

    def elements(share):
        copies = 2 if name == "mirrored" else 1
        sampler = CropSampler(photographs, SIDE, BATCH, seed=3, rows=share.rows(BATCH), copies=copies)
        dealt = share.dealt(DATASETS[name](sampler, 5), BATCH)
        return list(dealt.take(steps * share.devices).as_numpy_iterator())

    whole = elements(WHOLE)
    parts = [elements(Share(host * devices, devices, every)) for host in range(hosts)]
    for step in range(steps):
        own = [parts[host][step * devices + device] for host in range(hosts) for device in range(devices)]
        assert {len(part[0]) for part in own} == {BATCH // every}
        for found, expected in zip(zip(*own, strict=True), whole[step], strict=True):
            np.testing.assert_array_equal(np.concatenate(found), expected)


@pytest.mark.parametrize("name", DATASETS)
def test_datasets_are_traced_without_a_warning(folder, name):
    said: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = said.append
    logger = tf.get_logger()
    logger.addHandler(handler)
    try:
        photographs = load_pairs(folder, folder) if name == "twins" else load_folder(folder)
        DATASETS[name](CropSampler(photographs, SIDE, 2, seed=3), 0)
    finally:
        logger.removeHandler(handler)
    assert [record.getMessage() for record in said] == []


def test_a_share_decodes_no_photograph_of_another(folder):
    photographs = load_folder(folder)
    half = CropSampler(photographs, SIDE, 2, seed=3, rows=range(1))
    whole = CropSampler(photographs, SIDE, 2, seed=3)
    half.batch(0), whole.batch(0)
    assert (half.cache.decodes, whole.cache.decodes) == (1, 2)
