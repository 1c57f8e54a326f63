"""The notes' formulas and what they should say, in LaTeX, and typeset in MathML."""

from __future__ import annotations

import functools

import latex2mathml.converter

# As printed.
PRINTED = {
    "N1": r"f_j^{(i)}(x^{(i)}) = w_j^{(i)} \cdot x^{(i)} + b_j^{(i)}",
    "N2": r"g(z) = \frac{1}{1 + e^{-z}}",
    "N3": r"g'(z) = g(z) \, [1 - g(z)]",
    "N4": r"x^{(i+1)} = [\, g(f_1(x^{(i)})), \; g(f_2(x^{(i)})), \; \ldots, \; g(f_{k_i}(x^{(i)})) \,]",
    "N5": r"g(z) = \begin{cases} z & z \ge 0 \\ 0 & z < 0 \end{cases} = \max(0, z)",
    "N8": r"y_i = \frac{x_i}{\sum_{j=1}^{k} x_j}",
    "N10": r"w_j^{(i)} \leftarrow w_j^{(i)} - \alpha \frac{\partial L}{\partial w_j^{(i)}}, \quad "
    r"b_j^{(i)} \leftarrow b_j^{(i)} - \alpha \frac{\partial L}{\partial b_j^{(i)}}",
    "N11": r"z_j^{(i)} = w_j^{(i)} \cdot x^{(i)} + b_j^{(i)}, \quad x_j^{(i+1)} = g(z_j^{(i)})",
    "N12": r"\frac{\partial L}{\partial w_j^{(i)}} = \frac{\partial L}{\partial x_j^{(i+1)}} \, "
    r"x_j^{(i+1)} (1 - x_j^{(i+1)}) \, x_j^{(i)}",
    "N13": r"\frac{\partial L}{\partial b_j^{(i)}} = \frac{\partial L}{\partial x_j^{(i+1)}} \, "
    r"x_j^{(i+1)} (1 - x_j^{(i+1)})",
    "N14": r"\frac{\partial L}{\partial x_j^{(i)}} = \frac{\partial L}{\partial x_j^{(i+1)}} \, "
    r"x_j^{(i+1)} (1 - x_j^{(i+1)}) \, w_j^{(i)}",
    "N15": r"\frac{\partial L}{\partial x_j^{(m-1)}} = \frac{\partial L}{\partial y'_j} = \frac{1}{n} (y'_j - y_j)",
}

# What a statement should say.
CORRECTED = {
    "N8": r"y_i = \frac{e^{x_i}}{\sum_{j=1}^{k} e^{x_j}}",
    "N9": r"\frac{y_i}{y_j} = \frac{e^{x_i}}{e^{x_j}}, \quad \sum_{i=1}^{k} y_i = 1, \quad 0 \le y_i \le 1, \quad "
    r"\mathrm{softmax}([z, 0])_1 = \frac{1}{1 + e^{-z}}",
    "N12": r"\frac{\partial L}{\partial w_{jl}^{(i)}} = \sum_{\text{samples}} \frac{\partial L}{\partial x_j^{(i+1)}} "
    r"\, x_j^{(i+1)} (1 - x_j^{(i+1)}) \, x_l^{(i)}",
    "N13": r"\frac{\partial L}{\partial b_j^{(i)}} = \sum_{\text{samples}} \frac{\partial L}{\partial x_j^{(i+1)}} \, "
    r"x_j^{(i+1)} (1 - x_j^{(i+1)})",
    "N14": r"\frac{\partial L}{\partial x_l^{(i)}} = \sum_{j=1}^{k_i} \frac{\partial L}{\partial x_j^{(i+1)}} \, "
    r"x_j^{(i+1)} (1 - x_j^{(i+1)}) \, w_{jl}^{(i)}",
    "N15": r"\frac{\partial L}{\partial y'_j} = \frac{2}{n} (y'_j - y_j) \quad \text{for} \quad "
    r"L = \frac{1}{n} \sum (y'_j - y_j)^2",
}


@functools.cache
def mathml(latex: str) -> str:
    """The formula as a MathML element, which browsers typeset without any script."""
    return latex2mathml.converter.convert(latex, display="block")
