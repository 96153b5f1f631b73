"""The critic of WGAN-GP in closed form: scores, the norm of their gradient, and the gradients of both.

A discriminator is piecewise linear: layers of weights and ReLU, without normalization. So the gradient of its score at
a row x is a product of weights and masks, and the gradient of that gradient's norm is one too. With z_l the sums of
layer l, m_l = [z_l > 0], and one row each of the matrices:

    down   left_l = m_l * (left_(l+1) W_(l+1)),  left of the last layer = 1       d score / d z_l
           gradient = left_1 W_1,  norm = sqrt(gradient^2 + epsilon),  direction = gradient / norm
    up     t_0 = direction,  t_l = m_l * (t_(l-1) W_l^T)

    d score / d W_l = left_l (x) input of layer l,     d norm / d W_l = left_l (x) t_(l-1)

Every row's gradient is thus an outer product of two vectors, its factors, and no graph has to be kept. The factors also
give each sample's gradient norm without its gradient (`sample_gradient_norms`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear

NORM_EPSILON = 1e-8
"""Added to the squared norm, as in the original: the square root has no gradient at zero."""

torch.library.define(
    "dgsynth::critic",
    "(Tensor real, Tensor fake, Tensor mixing, Tensor[] weights, Tensor[] biases, "
    "Tensor? real_active, Tensor? fake_active, int tail) "
    "-> (Tensor scores, Tensor norms, Tensor direction, Tensor[] left, Tensor[] right)",
)
torch.library.define(
    "dgsynth::critic_backward",
    "(Tensor real, Tensor fake, Tensor direction, Tensor[] left, Tensor[] right, Tensor scale, "
    "Tensor? real_active, Tensor? fake_active, int tail) -> (Tensor[] weights, Tensor[] biases)",
)
torch.library.define(
    "dgsynth::critic_loss",
    "(Tensor real, Tensor fake, Tensor mixing, Tensor[] weights, Tensor[] biases, float penalty_weight, "
    "Tensor? real_active, Tensor? fake_active, int tail) "
    "-> (Tensor losses, Tensor[] weights, Tensor[] biases)",
)
torch.library.define(
    "dgsynth::critic_step_",
    "(Tensor real, Tensor fake, Tensor mixing, Tensor(a!)[] weights, Tensor(b!)[] biases, Tensor(c!)[] first, "
    "Tensor(d!)[] second, Tensor(e!) step, float penalty_weight, float learning_rate, float beta_1, float beta_2, "
    "Tensor? real_active, Tensor? fake_active, int tail) -> Tensor",
)
torch.library.define(
    "dgsynth::critic_slope",
    "(Tensor rows, Tensor[] weights, Tensor[] biases, Tensor? active, int tail) -> (Tensor scores, Tensor slopes)",
)


@dataclass(frozen=True)
class Rows:
    """Rows that a discriminator judges, of which only some columns may be in use.

    Attributes
    ----------
    values : Tensor of shape (B, F)
        Zero in columns that are not in use.
    active : int64 Tensor of shape (B, segments) or None
        A row has equal segments, one for each packed sample; these are how many columns are in use where a segment
        begins. None where all are.
    tail : int
        Columns where a segment ends that are in use too.
    """

    values: Tensor
    active: Tensor | None = None
    tail: int = 0

    def __len__(self) -> int:
        return len(self.values)

    def packed(self, n: int) -> Rows:
        """Return rows of n rows each, one behind the other."""
        if n == 1:
            return self
        active = None if self.active is None else self.active.reshape(len(self) // n, -1)
        return Rows(self.values.reshape(len(self) // n, -1), active, self.tail)

    def take(self, index: Tensor) -> Rows:
        """Return the rows of the given numbers, int64 of shape (n,)."""
        return Rows(self.values[index], None if self.active is None else self.active[index], self.tail)


@dataclass(frozen=True)
class Factors:
    """What the gradients of B real, fake and interpolated rows are made of, these three kinds one after another.

    Attributes
    ----------
    direction : Tensor of shape (B, F)
        Gradient of the score at the interpolated rows, divided by its norm.
    left : list of Tensors of shape (3B, out_l)
        By layer, the score's gradient to the layer's sums.
    right : list of Tensors of shape (3B, in_l)
        By layer from the second on: its inputs, for interpolated rows t of the layer before.
    """

    direction: Tensor
    left: list[Tensor]
    right: list[Tensor]


def critic(
    real: Rows, fake: Rows, mixing: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor]
) -> tuple[Tensor, Tensor, Factors]:
    """Return scores, norms of the score's gradient between real and fake rows, and the factors of their gradients.

    Parameters
    ----------
    real, fake : Rows
        Packed; no gradient flows into them.
    mixing : Tensor of shape (B, 1)
        Share of the real row in each interpolated row.
    weights, biases : sequences of Tensors of shape (out, in) and (out,)
        Of each layer; the last has one output. Scores and norms can be differentiated once with respect to them.

    Returns
    -------
    scores : Tensor of shape (2B,)
        Of the real rows, then of the fake ones.
    norms : Tensor of shape (B,)
    factors : Factors
        Without gradient.

    References
    ----------
    Gulrajani et al., Improved Training of Wasserstein GANs, 2017, equation 3.
    """
    rows = (real.values.detach().contiguous(), fake.values.detach().contiguous(), mixing.contiguous())
    padding = (real.active, fake.active, real.tail)
    scores, norms, direction, left, right = torch.ops.dgsynth.critic(*rows, list(weights), list(biases), *padding)
    return scores, norms, Factors(direction.detach(), [x.detach() for x in left], [x.detach() for x in right])


def critic_gradients(real: Rows, fake: Rows, factors: Factors, scale: Tensor) -> list[Tensor]:
    """Return the gradients of the sum of scale times scores and norms: of each layer to its weight and to its bias.

    Parameters
    ----------
    real, fake : Rows
    factors : Factors
    scale : Tensor of shape (3B,)
        Gradient of a loss to the scores of real rows, of fake rows, and to the norms.
    """
    weights, biases = torch.ops.dgsynth.critic_backward(
        real.values.contiguous(),
        fake.values.contiguous(),
        factors.direction,
        factors.left,
        factors.right,
        scale,
        real.active,
        fake.active,
        real.tail,
    )
    return [gradient for layer in zip(weights, biases, strict=True) for gradient in layer]


def critic_loss(
    real: Rows,
    fake: Rows,
    mixing: Tensor,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    penalty_weight: float,
) -> tuple[Tensor, list[Tensor]]:
    """Return the loss of WGAN-GP and its gradients, all at once.

    Parameters
    ----------
    real, fake : Rows
    mixing, weights, biases
        As `critic` has them.
    penalty_weight : float

    Returns
    -------
    losses : Tensor of shape (3,)
        penalty_weight * penalty - distance, distance and penalty: mean D(real) - mean D(fake), mean (norm - 1)^2.
    gradients : list of Tensors
        Of the first, to each layer's weight and bias.
    """
    losses, *gradients = torch.ops.dgsynth.critic_loss(
        real.values.contiguous(),
        fake.values.contiguous(),
        mixing.contiguous(),
        list(weights),
        list(biases),
        penalty_weight,
        real.active,
        fake.active,
        real.tail,
    )
    return losses, [gradient for layer in zip(*gradients, strict=True) for gradient in layer]


def critic_step_(
    real: Rows,
    fake: Rows,
    mixing: Tensor,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    penalty_weight: float,
    first: Sequence[Tensor],
    second: Sequence[Tensor],
    step: Tensor,
    *rates: float,
) -> Tensor:
    """Take a step of Adam by the gradients of `critic_loss`, in place, and return the losses of before, shape (3,).

    Gradients are not stored: of a wide first layer they would be the most that a step writes and reads.

    Parameters
    ----------
    real, fake, mixing, weights, biases, penalty_weight
        As `critic_loss` has them.
    first, second : sequences of Tensors
        The moments of each layer's weight and bias in turn, as `adam_` has them.
    step : int64 Tensor of shape ()
        Steps taken before; counts this one.
    *rates : float
        Learning rate, beta_1, beta_2.
    """
    return torch.ops.dgsynth.critic_step_(
        real.values.contiguous(),
        fake.values.contiguous(),
        mixing.contiguous(),
        list(weights),
        list(biases),
        list(first),
        list(second),
        step,
        penalty_weight,
        *rates,
        real.active,
        fake.active,
        real.tail,
    )


def critic_slopes(rows: Rows, weights: Sequence[Tensor], biases: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Return the scores (B,) of rows, and each score's gradient to its row, (B, F), in the columns that are in use."""
    scores, slopes = torch.ops.dgsynth.critic_slope(
        rows.values.contiguous(), list(weights), list(biases), rows.active, rows.tail
    )
    return scores, slopes


def sample_gradient_norms(real: Rows, fake: Rows, factors: Factors, scale: Tensor) -> Tensor:
    """Return the norm, over all weights and biases, of each sample's gradient, which itself is never made.

    Parameters
    ----------
    real, fake : Rows
    factors : Factors
    scale : Tensor of shape (3B,)
        Gradient of a sample's loss to its real score, its fake score and its norm, one kind after another.

    Returns
    -------
    Tensor of shape (B,)
    """

    def by_sample(rows: Tensor) -> Tensor:
        return rows.unflatten(0, (3, -1)).transpose(0, 1)  # (B, 3, width)

    inputs = [torch.cat([real.values, fake.values, factors.direction]), *factors.right]
    has_bias = scale.new_tensor([1.0, 1.0, 0.0])  # a norm does not depend on the biases
    total = torch.zeros_like(scale[: len(real)])
    for left, right in zip(factors.left, inputs, strict=True):
        rows, columns = by_sample(scale[:, None] * left), by_sample(right)
        products = columns @ columns.transpose(1, 2) + has_bias[:, None] * has_bias
        total = total + (rows @ rows.transpose(1, 2) * products).sum(dim=(1, 2))
    return total.sqrt()


@torch.no_grad()
def reference(
    real: Tensor, fake: Tensor, mixing: Tensor, weights: list[Tensor], biases: list[Tensor], *_: object
) -> tuple[Tensor, Tensor, Tensor, list[Tensor], list[Tensor]]:
    """The definition of `critic`: columns that are not in use are read as the zeros that they are."""
    rows, (first, *others) = len(real), zip(weights, biases, strict=True)
    sums = [linear(torch.cat([real, fake]), *first)]
    # The sums at an interpolated row are those of its ends, interpolated: one product less.
    sums[0] = torch.cat([sums[0], torch.lerp(sums[0][rows:], sums[0][:rows], mixing)])
    for layer in others:
        sums.append(linear(sums[-1].relu(), *layer))
    left = _down(sums, weights)
    gradient = left[0][2 * rows :] @ weights[0]
    norms = (gradient.square().sum(dim=1) + NORM_EPSILON).sqrt()
    direction = gradient / norms[:, None]
    up, right = direction, []
    for total, weight in zip(sums[:-1], weights, strict=False):
        up = linear(up, weight) * (total[2 * rows :] > 0)
        right.append(torch.cat([total[: 2 * rows].relu(), up]))
    return sums[-1][: 2 * rows, 0].clone(), norms, direction, left, right


@torch.no_grad()
def backward_reference(
    real: Tensor, fake: Tensor, direction: Tensor, left: list[Tensor], right: list[Tensor], scale: Tensor, *_: object
) -> tuple[list[Tensor], list[Tensor]]:
    """The definition of `critic_backward`: gradients of the sum of scale times scores and norms."""
    scaled = [scale[:, None] * rows for rows in left]
    weights = [scaled[0].t() @ torch.cat([real, fake, direction])]
    weights += [rows.t() @ inputs for rows, inputs in zip(scaled[1:], right, strict=True)]
    return weights, [rows[: 2 * len(real)].sum(dim=0) for rows in scaled]


@torch.no_grad()
def loss_reference(
    real: Tensor,
    fake: Tensor,
    mixing: Tensor,
    weights: list[Tensor],
    biases: list[Tensor],
    penalty_weight: float,
    *_: object,
) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    """The definition of `critic_loss`."""
    scores, norms, direction, left, right = reference(real, fake, mixing, weights, biases)
    of_real, of_fake = scores.chunk(2)
    distance, penalty = of_real.mean() - of_fake.mean(), (norms - 1).square().mean()
    even = torch.full_like(norms, 1 / len(real))
    scale = torch.cat([-even, even, 2 * penalty_weight / len(real) * (norms - 1)])
    losses = torch.stack([penalty_weight * penalty - distance, distance, penalty])
    return losses, *backward_reference(real, fake, direction, left, right, scale)


@torch.no_grad()
def step_reference(
    real: Tensor,
    fake: Tensor,
    mixing: Tensor,
    weights: list[Tensor],
    biases: list[Tensor],
    first: list[Tensor],
    second: list[Tensor],
    step: Tensor,
    penalty_weight: float,
    learning_rate: float,
    beta_1: float,
    beta_2: float,
    *padding: Any,
) -> Tensor:
    """The definition of `critic_step_`: two operations, each with what kernel there is for the device."""
    losses, *gradients = torch.ops.dgsynth.critic_loss(real, fake, mixing, weights, biases, penalty_weight, *padding)
    parameters, changes = (
        [tensor for layer in zip(*pair, strict=True) for tensor in layer] for pair in ((weights, biases), gradients)
    )
    torch.ops.dgsynth.adam_(parameters, first, second, step, changes, learning_rate, beta_1, beta_2)
    return losses


@torch.no_grad()
def slope_reference(rows: Tensor, weights: list[Tensor], biases: list[Tensor], *_: object) -> tuple[Tensor, Tensor]:
    """The definition of `critic_slope`: scores of rows, and their gradients to the rows."""
    sums = [linear(rows, weights[0], biases[0])]
    for weight, bias in zip(weights[1:], biases[1:], strict=True):
        sums.append(linear(sums[-1].relu(), weight, bias))
    return sums[-1][:, 0].clone(), _down(sums, weights)[0] @ weights[0]


def _down(sums: list[Tensor], weights: list[Tensor]) -> list[Tensor]:
    """Return the score's gradient to each layer's sums."""
    left = [torch.ones_like(sums[-1])]
    for total, weight in zip(sums[-2::-1], weights[:0:-1], strict=True):
        left.insert(0, (left[0] @ weight) * (total > 0))
    return left


torch.library.impl("dgsynth::critic", "CompositeExplicitAutograd")(reference)
torch.library.impl("dgsynth::critic_backward", "CompositeExplicitAutograd")(backward_reference)
torch.library.impl("dgsynth::critic_loss", "CompositeExplicitAutograd")(loss_reference)
torch.library.impl("dgsynth::critic_step_", "CompositeExplicitAutograd")(step_reference)
torch.library.impl("dgsynth::critic_slope", "CompositeExplicitAutograd")(slope_reference)


@torch.library.register_fake("dgsynth::critic")
def _fake(
    real: Tensor, fake: Tensor, mixing: Tensor, weights: list[Tensor], biases: list[Tensor], *_: object
) -> tuple[Tensor, Tensor, Tensor, list[Tensor], list[Tensor]]:
    rows = len(real)
    left = [real.new_empty(3 * rows, len(bias)) for bias in biases]
    right = [real.new_empty(3 * rows, len(bias)) for bias in biases[:-1]]
    return real.new_empty(2 * rows), real.new_empty(rows), torch.empty_like(real), left, right


@torch.library.register_fake("dgsynth::critic_backward")
def _fake_backward(
    real: Tensor, fake: Tensor, direction: Tensor, left: list[Tensor], right: list[Tensor], scale: Tensor, *_: object
) -> tuple[list[Tensor], list[Tensor]]:
    weights = [
        rows.new_empty(rows.shape[1], inputs.shape[1]) for rows, inputs in zip(left, [real, *right], strict=True)
    ]
    return weights, [rows.new_empty(rows.shape[1]) for rows in left]


@torch.library.register_fake("dgsynth::critic_loss")
def _fake_loss(
    real: Tensor, fake: Tensor, mixing: Tensor, weights: list[Tensor], biases: list[Tensor], *_: object
) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    return real.new_empty(3), [torch.empty_like(x) for x in weights], [torch.empty_like(x) for x in biases]


@torch.library.register_fake("dgsynth::critic_step_")
def _fake_step(real: Tensor, *_: object) -> Tensor:
    return real.new_empty(3)


@torch.library.register_fake("dgsynth::critic_slope")
def _fake_slope(rows: Tensor, weights: list[Tensor], biases: list[Tensor], *_: object) -> tuple[Tensor, Tensor]:
    return rows.new_empty(len(rows)), torch.empty_like(rows)


def _keep_factors(ctx: Any, inputs: tuple[Any, ...], output: tuple[Any, ...]) -> None:
    real, fake, _, _, _, *ctx.ragged = inputs
    _, _, direction, left, right = output
    ctx.layers = len(left)
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(real, fake, direction, *left, *right)


def _backward(ctx: Any, grad_scores: Tensor | None, grad_norms: Tensor | None, *_: object) -> tuple[Any, ...]:
    real, fake, direction, *factors = ctx.saved_tensors
    rows = len(real)
    scale = torch.cat(
        [
            real.new_zeros(2 * rows) if grad_scores is None else grad_scores,
            real.new_zeros(rows) if grad_norms is None else grad_norms,
        ]
    )
    weights, biases = torch.ops.dgsynth.critic_backward(
        real, fake, direction, factors[: ctx.layers], factors[ctx.layers :], scale, *ctx.ragged
    )
    return None, None, None, weights, biases, None, None, None


def _keep_slopes(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    ctx.layers = len(inputs[1])
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(output[1])


def _slope_backward(ctx: Any, grad_scores: Tensor | None, _: object) -> tuple[Any, ...]:
    (slopes,) = ctx.saved_tensors
    gradient = None if grad_scores is None else grad_scores[:, None] * slopes
    return gradient, [None] * ctx.layers, [None] * ctx.layers, None, None


torch.library.register_autograd("dgsynth::critic", _backward, setup_context=_keep_factors)
torch.library.register_autograd("dgsynth::critic_slope", _slope_backward, setup_context=_keep_slopes)
