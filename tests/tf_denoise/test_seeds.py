from tf_denoise.seeds import derive_seed


def test_seeds_are_31_bit_and_differ_by_every_word():
    seeds = [
        derive_seed(*words) for words in [(0, 1, "a"), (0, 1, "b"), (0, 2, "a"), (1, 1, "a"), (0, "1", "a"), (0, 1)]
    ]
    assert len(set(seeds)) == 6
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert derive_seed(0, 1, "a") == seeds[0]
