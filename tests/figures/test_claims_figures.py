from figures import prop_2_condition, shared_function


def test_input_slopes_reach_and_never_exceed_the_sharp_constant_and_output_slopes_stay_at_4():
    data = prop_2_condition.compute(quick=True)
    for k, low_mid_high, found, output in zip(
        data["conditions"], data["random"], data["adversarial"]["input"], data["adversarial"]["output"], strict=True
    ):
        sharp = 2 * (k + 1 / k)
        assert max(*low_mid_high, found) <= sharp * (1 + 1e-9)
        assert 3.9 < output <= 4 * (1 + 1e-9)
    assert data["adversarial"]["input"][-1] > 40


def test_equal_functions_stay_equal_for_input_and_output_and_lora_wins_for_unrelated_ones():
    rows = shared_function.compute(quick=True)["rows"]
    assert max(rows[0]["exact"]["input"] + rows[0]["exact"]["output"]) < 1e-20 < 1 < rows[0]["exact"]["lora"][1]
    assert rows[0]["lora_wins"] == 0
    assert rows[-1]["lora_wins"] > 0.5 > rows[-1]["lora_bound_wins"]
