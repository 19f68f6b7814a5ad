"""Write oracle.csv with lifetimes 0.11.3, in an environment of its own.

pip install lifetimes==0.11.3 "numpy<2" "pandas<2.2" "scipy<1.12"; python make_oracle.py
"""

from pathlib import Path

import pandas as pd
from lifetimes import BetaGeoFitter, GammaGammaFitter, ModifiedBetaGeoFitter, ParetoNBDFitter

PARAMETERS = {
    "BgNbd": (BetaGeoFitter, {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}),
    "MbgNbd": (ModifiedBetaGeoFitter, {"r": 0.525, "alpha": 6.183, "a": 0.891, "b": 1.614}),
    "ParetoNbd": (ParetoNBDFitter, {"r": 0.553, "alpha": 10.578, "s": 0.606, "beta": 11.669}),
}
HISTORIES = [
    (0, 0.0, 38.86),
    (1, 2.0, 30.0),
    (2, 30.43, 38.86),
    (5, 20.0, 25.5),
    (29, 37.0, 38.0),
    (40, 12.0, 39.0),
]
HORIZONS = (1.0, 13.0, 39.0, 156.0)


def main() -> None:
    rows = []
    for name, (fitter, parameters) in PARAMETERS.items():
        model = fitter()
        model.params_ = pd.Series(parameters)
        model.predict = None
        for x, t_x, age in HISTORIES:
            alive = model.conditional_probability_alive(x, t_x, age)
            rows.append((name, "probability_alive", x, t_x, age, 0.0, float(pd.Series(alive).iloc[0])))
            for t in HORIZONS:
                value = model.conditional_expected_number_of_purchases_up_to_time(t, x, t_x, age)
                rows.append((name, "expected_purchases", x, t_x, age, t, float(pd.Series(value).iloc[0])))
        for t in HORIZONS:
            value = model.expected_number_of_purchases_up_to_time(t)
            rows.append((name, "expected_repeats", 0, 0.0, 0.0, t, float(value)))
    spend = GammaGammaFitter()
    spend.params_ = pd.Series({"p": 6.25, "q": 3.74, "v": 15.44})
    for x, mean in [(0, 0.0), (1, 20.0), (3, 55.5), (40, 300.0)]:
        value = spend.conditional_expected_average_profit(pd.Series([x]), pd.Series([mean])).iloc[0]
        rows.append(("GammaGamma", "expected_value", x, mean, 0.0, 0.0, float(value)))
    columns = ["model", "quantity", "frequency", "recency", "T", "horizon", "value"]
    out = Path(__file__).with_name("oracle.csv")
    pd.DataFrame(rows, columns=columns).to_csv(out, index=False, float_format="%.15g")


if __name__ == "__main__":
    main()
