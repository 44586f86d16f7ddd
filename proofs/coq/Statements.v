(* What the claims state. Rendered from their formulas by `python -m proofs`: not to be edited. *)
From mathcomp Require Import all_ssreflect all_algebra.
From ioadapt Require Import Vocabulary.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Statements.
Variable R : rcfType.

(* |δ| ≤ (1 + |s|)(‖Δu‖/‖u‖ + ‖Δv‖/‖v‖), δ of Eq. 7, s = sim(u, v) *)
Definition lemma_1 : Prop :=
  (forall (d : nat) (u : 'rV[R]_d) (v : 'rV[R]_d) (du : 'rV[R]_d) (dv : 'rV[R]_d),
    u != 0 ->
    v != 0 ->
    `|((((dot du v) + (dot u dv)) / ((norm u) * (norm v))) - ((((dot u v) / (((norm u) ^+ 3) * (norm v))) * (dot u du)) + (((dot u v) / ((norm u) * ((norm v) ^+ 3))) * (dot v dv))))| <= ((1 + `|(sim u v)|) * (((norm du) / (norm u)) + ((norm dv) / (norm v)))))
  /\
  (exists (d : nat) (u : 'rV[R]_d) (v : 'rV[R]_d) (du : 'rV[R]_d) (dv : 'rV[R]_d),
      u != 0 /\
      v != 0 /\
      `|((((dot du v) + (dot u dv)) / ((norm u) * (norm v))) - ((((dot u v) / (((norm u) ^+ 3) * (norm v))) * (dot u du)) + (((dot u v) / ((norm u) * ((norm v) ^+ 3))) * (dot v dv))))| = ((1 + `|(sim u v)|) * (((norm du) / (norm u)) + ((norm dv) / (norm v)))) /\
      0 < ((1 + `|(sim u v)|) * (((norm du) / (norm u)) + ((norm dv) / (norm v))))).

(* |δ| ≤ √(1 − s²)(‖Δu‖/‖u‖ + ‖Δv‖/‖v‖), δ of Eq. 7, s = sim(u, v) *)
Definition lemma_1_sharp : Prop :=
  (forall (d : nat) (u : 'rV[R]_d) (v : 'rV[R]_d) (du : 'rV[R]_d) (dv : 'rV[R]_d),
    u != 0 ->
    v != 0 ->
    `|((((dot du v) + (dot u dv)) / ((norm u) * (norm v))) - ((((dot u v) / (((norm u) ^+ 3) * (norm v))) * (dot u du)) + (((dot u v) / ((norm u) * ((norm v) ^+ 3))) * (dot v dv))))| <= ((sine u v) * (((norm du) / (norm u)) + ((norm dv) / (norm v)))))
  /\
  (forall s : R, -1 < s < 1 -> exists (d : nat) (u : 'rV[R]_d) (v : 'rV[R]_d) (du : 'rV[R]_d) (dv : 'rV[R]_d),
      u != 0 /\
      v != 0 /\
      (sim u v) = s /\
      `|((((dot du v) + (dot u dv)) / ((norm u) * (norm v))) - ((((dot u v) / (((norm u) ^+ 3) * (norm v))) * (dot u du)) + (((dot u v) / ((norm u) * ((norm v) ^+ 3))) * (dot v dv))))| = ((sine u v) * (((norm du) / (norm u)) + ((norm dv) / (norm v)))) /\
      0 < ((sine u v) * (((norm du) / (norm u)) + ((norm dv) / (norm v))))).

(* for all increments; |R| ≤ (3 + |s|)((‖Δu‖/‖u‖)² + (‖Δv‖/‖v‖)²), R = sim(u + Δu, v + Δv) − s − δ, s = sim(u, v), δ of Eq. 7 *)
Definition lemma_1_remainder : Prop :=
  forall (d : nat) (u : 'rV[R]_d) (v : 'rV[R]_d) (du : 'rV[R]_d) (dv : 'rV[R]_d),
    (u + du) != 0 ->
    (v + dv) != 0 ->
    u != 0 ->
    v != 0 ->
    `|(((sim (u + du) (v + dv)) - (sim u v)) - ((((dot du v) + (dot u dv)) / ((norm u) * (norm v))) - ((((dot u v) / (((norm u) ^+ 3) * (norm v))) * (dot u du)) + (((dot u v) / ((norm u) * ((norm v) ^+ 3))) * (dot v dv)))))| <= ((3 + `|(sim u v)|) * ((((norm du) / (norm u)) ^+ 2) + (((norm dv) / (norm v)) ^+ 2))).

(* ‖H(u, v)‖_op ≤ 12(1 + |s|)/m², s = sim(u, v), m = min(‖u‖, ‖v‖) *)
Definition lemma_2 : Prop :=
  forall (d : nat) (u : 'rV[R]_d) (v : 'rV[R]_d) (h1 : R),
    hessian_norm u v h1 ->
    u != 0 ->
    v != 0 ->
    h1 <= ((12 * (1 + `|(sim u v)|)) / ((Num.min (norm u) (norm v)) ^+ 2)).

(* ‖H(u, v)‖_op ≤ (1 + |s|)/m², s = sim(u, v), m = min(‖u‖, ‖v‖) *)
Definition lemma_2_sharp : Prop :=
  (forall (d : nat) (u : 'rV[R]_d) (v : 'rV[R]_d) (h1 : R),
    hessian_norm u v h1 ->
    u != 0 ->
    v != 0 ->
    h1 <= ((1 + `|(sim u v)|) / ((Num.min (norm u) (norm v)) ^+ 2)))
  /\
  (forall s : R, -1 < s < 1 -> exists (d : nat) (u : 'rV[R]_d) (v : 'rV[R]_d) (h1 : R),
      u != 0 /\
      v != 0 /\
      hessian_norm u v h1 /\
      (sim u v) = s /\
      h1 = ((1 + `|(sim u v)|) / ((Num.min (norm u) (norm v)) ^+ 2)) /\
      0 < ((1 + `|(sim u v)|) / ((Num.min (norm u) (norm v)) ^+ 2))).

(* |sim(ŷ₁, ŷ₂) − sim(ŷ₁', ŷ₂')| ≤ (1 + s₀)ε · Σ ‖x‖/‖xW‖ + O(ε²), ŷ = x(W + AB), s₀ = sim(x₁W, x₂W) *)
Definition prop_1 : Prop :=
  forall (c d : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(c, d)) (x1 : 'rV[R]_c) (x2 : 'rV[R]_c) (x1' : 'rV[R]_c) (x2' : 'rV[R]_c),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    (sim x1 x2) = (sim x1' x2') ->
    (x1 *m W) != 0 ->
    (x2 *m W) != 0 ->
    (x1' *m W') != 0 ->
    (x2' *m W') != 0 ->
    (sim (x1 *m W) (x2 *m W)) = (sim (x1' *m W') (x2' *m W')) ->
    exists K e0 : R, 0 < e0 /\
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, d)) (epsilon : R),
    0 < epsilon <= e0 ->
    (r < c)%N ->
    (r < d)%N ->
    spectral_le (A *m B) epsilon ->
    (x1 *m (W + (A *m B))) != 0 ->
    (x2 *m (W + (A *m B))) != 0 ->
    (x1' *m (W' + (A *m B))) != 0 ->
    (x2' *m (W' + (A *m B))) != 0 ->
    `|((sim (x1 *m (W + (A *m B))) (x2 *m (W + (A *m B)))) - (sim (x1' *m (W' + (A *m B))) (x2' *m (W' + (A *m B)))))| <= (((1 + (sim (x1 *m W) (x2 *m W))) * epsilon) * (((norm x1) / (norm (x1 *m W))) + ((norm x2) / (norm (x2 *m W))) + ((norm x1') / (norm (x1' *m W'))) + ((norm x2') / (norm (x2' *m W'))))) + K * epsilon ^+ 2.

(* |sim(ŷ₁, ŷ₂) − sim(ŷ₁', ŷ₂')| ≤ (1 + s₀)ε · Σ ‖x‖/‖xW‖ + O(ε²), ŷ = x(W + AB), s₀ = sim(x₁W, x₂W) *)
Definition prop_1_literal : Prop :=
  forall (c d : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(c, d)) (x1 : 'rV[R]_c) (x2 : 'rV[R]_c) (x1' : 'rV[R]_c) (x2' : 'rV[R]_c),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    (sim x1 x2) = (sim x1' x2') ->
    (x1 *m W) != 0 ->
    (x2 *m W) != 0 ->
    (x1' *m W') != 0 ->
    (x2' *m W') != 0 ->
    (sim (x1 *m W) (x2 *m W)) = (sim (x1' *m W') (x2' *m W')) ->
    exists K e0 : R, 0 < e0 /\
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, d)) (epsilon : R) (s1 : R),
    0 < epsilon <= e0 ->
    (r < c)%N ->
    (r < d)%N ->
    spectral (A *m B) s1 ->
    (s1 ^+ 2) <= epsilon ->
    (x1 *m (W + (A *m B))) != 0 ->
    (x2 *m (W + (A *m B))) != 0 ->
    (x1' *m (W' + (A *m B))) != 0 ->
    (x2' *m (W' + (A *m B))) != 0 ->
    `|((sim (x1 *m (W + (A *m B))) (x2 *m (W + (A *m B)))) - (sim (x1' *m (W' + (A *m B))) (x2' *m (W' + (A *m B)))))| <= (((1 + (sim (x1 *m W) (x2 *m W))) * epsilon) * (((norm x1) / (norm (x1 *m W))) + ((norm x2) / (norm (x2 *m W))) + ((norm x1') / (norm (x1' *m W'))) + ((norm x2') / (norm (x2' *m W'))))) + K * epsilon ^+ 2.

(* |sim(ŷ₁, ŷ₂) − sim(ŷ₁', ŷ₂')| ≤ (1 + s₀)ε · Σ ‖x‖/‖xW‖ + O(ε²), ŷ = x(W + AB), s₀ = sim(x₁W, x₂W) *)
Definition prop_1_frobenius : Prop :=
  forall (c d : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(c, d)) (x1 : 'rV[R]_c) (x2 : 'rV[R]_c) (x1' : 'rV[R]_c) (x2' : 'rV[R]_c),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    (sim x1 x2) = (sim x1' x2') ->
    (x1 *m W) != 0 ->
    (x2 *m W) != 0 ->
    (x1' *m W') != 0 ->
    (x2' *m W') != 0 ->
    (sim (x1 *m W) (x2 *m W)) = (sim (x1' *m W') (x2' *m W')) ->
    exists K e0 : R, 0 < e0 /\
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, d)) (epsilon : R),
    0 < epsilon <= e0 ->
    (r < c)%N ->
    (r < d)%N ->
    (fro (A *m B)) <= epsilon ->
    (x1 *m (W + (A *m B))) != 0 ->
    (x2 *m (W + (A *m B))) != 0 ->
    (x1' *m (W' + (A *m B))) != 0 ->
    (x2' *m (W' + (A *m B))) != 0 ->
    `|((sim (x1 *m (W + (A *m B))) (x2 *m (W + (A *m B)))) - (sim (x1' *m (W' + (A *m B))) (x2' *m (W' + (A *m B)))))| <= (((1 + (sim (x1 *m W) (x2 *m W))) * epsilon) * (((norm x1) / (norm (x1 *m W))) + ((norm x2) / (norm (x2 *m W))) + ((norm x1') / (norm (x1' *m W'))) + ((norm x2') / (norm (x2' *m W'))))) + K * epsilon ^+ 2.

(* |sim(ŷ₁, ŷ₂) − sim(ŷ₁', ŷ₂')| ≤ (1 + s₀)ε(‖x₁‖/‖x₁W‖ + ‖x₂'‖/‖x₂W‖ + ‖x₁'‖/‖x₁'W'‖ + ‖x₂'‖/‖x₂'W'‖) + O(ε²), ŷ = x(W + AB), s₀ = sim(x₁W, x₂W) *)
Definition prop_1_main : Prop :=
  forall (c d : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(c, d)) (x1 : 'rV[R]_c) (x2 : 'rV[R]_c) (x1' : 'rV[R]_c) (x2' : 'rV[R]_c),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    (sim x1 x2) = (sim x1' x2') ->
    (x1 *m W) != 0 ->
    (x2 *m W) != 0 ->
    (x1' *m W') != 0 ->
    (x2' *m W') != 0 ->
    (sim (x1 *m W) (x2 *m W)) = (sim (x1' *m W') (x2' *m W')) ->
    exists K e0 : R, 0 < e0 /\
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, d)) (epsilon : R),
    0 < epsilon <= e0 ->
    (r < c)%N ->
    (r < d)%N ->
    spectral_le (A *m B) epsilon ->
    (x1 *m (W + (A *m B))) != 0 ->
    (x2 *m (W + (A *m B))) != 0 ->
    (x1' *m (W' + (A *m B))) != 0 ->
    (x2' *m (W' + (A *m B))) != 0 ->
    `|((sim (x1 *m (W + (A *m B))) (x2 *m (W + (A *m B)))) - (sim (x1' *m (W' + (A *m B))) (x2' *m (W' + (A *m B)))))| <= (((1 + (sim (x1 *m W) (x2 *m W))) * epsilon) * (((((norm x1) / (norm (x1 *m W))) + ((norm x2') / (norm (x2 *m W)))) + ((norm x1') / (norm (x1' *m W')))) + ((norm x2') / (norm (x2' *m W'))))) + K * epsilon ^+ 2.

(* |sim(ŷ₁, ŷ₂) − sim(ŷ₁', ŷ₂')| ≤ (1 + |s₀|)ε · Σ ‖x‖/‖xW‖ + O(ε²), ŷ = x(W + AB), s₀ = sim(x₁W, x₂W) *)
Definition prop_1_abs : Prop :=
  forall (c d : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(c, d)) (x1 : 'rV[R]_c) (x2 : 'rV[R]_c) (x1' : 'rV[R]_c) (x2' : 'rV[R]_c),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    (sim x1 x2) = (sim x1' x2') ->
    (x1 *m W) != 0 ->
    (x2 *m W) != 0 ->
    (x1' *m W') != 0 ->
    (x2' *m W') != 0 ->
    (sim (x1 *m W) (x2 *m W)) = (sim (x1' *m W') (x2' *m W')) ->
    exists K e0 : R, 0 < e0 /\
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, d)) (epsilon : R),
    0 < epsilon <= e0 ->
    spectral_le (A *m B) epsilon ->
    (x1 *m (W + (A *m B))) != 0 ->
    (x2 *m (W + (A *m B))) != 0 ->
    (x1' *m (W' + (A *m B))) != 0 ->
    (x2' *m (W' + (A *m B))) != 0 ->
    `|((sim (x1 *m (W + (A *m B))) (x2 *m (W + (A *m B)))) - (sim (x1' *m (W' + (A *m B))) (x2' *m (W' + (A *m B)))))| <= (((1 + `|(sim (x1 *m W) (x2 *m W))|) * epsilon) * (((norm x1) / (norm (x1 *m W))) + ((norm x2) / (norm (x2 *m W))) + ((norm x1') / (norm (x1' *m W'))) + ((norm x2') / (norm (x2' *m W'))))) + K * epsilon ^+ 2.

(* |sim(ŷ₁, ŷ₂) − sim(ŷ₁', ŷ₂')| ≤ ε · Σ √(1 − s₀²)(‖x₁‖/‖x₁W‖ + ‖x₂‖/‖x₂W‖) + O(ε²), ŷ = x(W + AB), s₀ = sim(x₁W, x₂W) *)
Definition prop_1_sine : Prop :=
  (forall (c d : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(c, d)) (x1 : 'rV[R]_c) (x2 : 'rV[R]_c) (x1' : 'rV[R]_c) (x2' : 'rV[R]_c),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    (sim x1 x2) = (sim x1' x2') ->
    (x1 *m W) != 0 ->
    (x2 *m W) != 0 ->
    (x1' *m W') != 0 ->
    (x2' *m W') != 0 ->
    (sim (x1 *m W) (x2 *m W)) = (sim (x1' *m W') (x2' *m W')) ->
    exists K e0 : R, 0 < e0 /\
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, d)) (epsilon : R),
    0 < epsilon <= e0 ->
    spectral_le (A *m B) epsilon ->
    (x1 *m (W + (A *m B))) != 0 ->
    (x2 *m (W + (A *m B))) != 0 ->
    (x1' *m (W' + (A *m B))) != 0 ->
    (x2' *m (W' + (A *m B))) != 0 ->
    `|((sim (x1 *m (W + (A *m B))) (x2 *m (W + (A *m B)))) - (sim (x1' *m (W' + (A *m B))) (x2' *m (W' + (A *m B)))))| <= (epsilon * (((sine (x1 *m W) (x2 *m W)) * (((norm x1) / (norm (x1 *m W))) + ((norm x2) / (norm (x2 *m W))))) + ((sine (x1' *m W') (x2' *m W')) * (((norm x1') / (norm (x1' *m W'))) + ((norm x2') / (norm (x2' *m W'))))))) + K * epsilon ^+ 2)
  /\
  (exists (c d : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(c, d)) (x1 : 'rV[R]_c) (x2 : 'rV[R]_c) (x1' : 'rV[R]_c) (x2' : 'rV[R]_c),
      x1 != 0 /\
      x2 != 0 /\
      x1' != 0 /\
      x2' != 0 /\
      (sim x1 x2) = (sim x1' x2') /\
      (x1 *m W) != 0 /\
      (x2 *m W) != 0 /\
      (x1' *m W') != 0 /\
      (x2' *m W') != 0 /\
      (sim (x1 *m W) (x2 *m W)) = (sim (x1' *m W') (x2' *m W')) /\
      0 < (1 * (((sine (x1 *m W) (x2 *m W)) * (((norm x1) / (norm (x1 *m W))) + ((norm x2) / (norm (x2 *m W))))) + ((sine (x1' *m W') (x2' *m W')) * (((norm x1') / (norm (x1' *m W'))) + ((norm x2') / (norm (x2' *m W'))))))) /\
      forall C K e0 : R, 0 < e0 ->
        (forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, d)) (epsilon : R),
          0 < epsilon <= e0 ->
          spectral_le (A *m B) epsilon ->
          (x1 *m (W + (A *m B))) != 0 ->
          (x2 *m (W + (A *m B))) != 0 ->
          (x1' *m (W' + (A *m B))) != 0 ->
          (x2' *m (W' + (A *m B))) != 0 ->
          `|((sim (x1 *m (W + (A *m B))) (x2 *m (W + (A *m B)))) - (sim (x1' *m (W' + (A *m B))) (x2' *m (W' + (A *m B)))))| <= C * epsilon + K * epsilon ^+ 2) ->
        (1 * (((sine (x1 *m W) (x2 *m W)) * (((norm x1) / (norm (x1 *m W))) + ((norm x2) / (norm (x2 *m W))))) + ((sine (x1' *m W') (x2' *m W')) * (((norm x1') / (norm (x1' *m W'))) + ((norm x2') / (norm (x2' *m W'))))))) <= C).

(* |sim(ŷ₁, ŷ₂) − sim(ŷ₁', ŷ₂')| ≤ ε · Σ √(1 − s₀²)√((α − β)² + 2αβ(1 − cos(θ_x + θ₀))) + O(ε²), ŷ = x(W + AB), s₀ = sim(x₁W, x₂W), α = ‖x₁‖/‖x₁W‖, β = ‖x₂‖/‖x₂W‖, cos(θ_x + θ₀) = sim(x₁, x₂)s₀ − √(1 − sim(x₁, x₂)²)√(1 − s₀²) *)
Definition prop_1_sharp : Prop :=
  (forall (c d : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(c, d)) (x1 : 'rV[R]_c) (x2 : 'rV[R]_c) (x1' : 'rV[R]_c) (x2' : 'rV[R]_c),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    (sim x1 x2) = (sim x1' x2') ->
    (x1 *m W) != 0 ->
    (x2 *m W) != 0 ->
    (x1' *m W') != 0 ->
    (x2' *m W') != 0 ->
    (sim (x1 *m W) (x2 *m W)) = (sim (x1' *m W') (x2' *m W')) ->
    exists K e0 : R, 0 < e0 /\
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, d)) (epsilon : R),
    0 < epsilon <= e0 ->
    spectral_le (A *m B) epsilon ->
    (x1 *m (W + (A *m B))) != 0 ->
    (x2 *m (W + (A *m B))) != 0 ->
    (x1' *m (W' + (A *m B))) != 0 ->
    (x2' *m (W' + (A *m B))) != 0 ->
    `|((sim (x1 *m (W + (A *m B))) (x2 *m (W + (A *m B)))) - (sim (x1' *m (W' + (A *m B))) (x2' *m (W' + (A *m B)))))| <= (epsilon * (((sine (x1 *m W) (x2 *m W)) * (Num.sqrt (((((norm x1) / (norm (x1 *m W))) - ((norm x2) / (norm (x2 *m W)))) ^+ 2) + (((2 * ((norm x1) / (norm (x1 *m W)))) * ((norm x2) / (norm (x2 *m W)))) * (1 - (((sim x1 x2) * (sim (x1 *m W) (x2 *m W))) - ((sine x1 x2) * (sine (x1 *m W) (x2 *m W))))))))) + ((sine (x1' *m W') (x2' *m W')) * (Num.sqrt (((((norm x1') / (norm (x1' *m W'))) - ((norm x2') / (norm (x2' *m W')))) ^+ 2) + (((2 * ((norm x1') / (norm (x1' *m W')))) * ((norm x2') / (norm (x2' *m W')))) * (1 - (((sim x1' x2') * (sim (x1' *m W') (x2' *m W'))) - ((sine x1' x2') * (sine (x1' *m W') (x2' *m W'))))))))))) + K * epsilon ^+ 2)
  /\
  (forall s : R, -1 < s < 1 -> exists (c d : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(c, d)) (x1 : 'rV[R]_c) (x2 : 'rV[R]_c) (x1' : 'rV[R]_c) (x2' : 'rV[R]_c),
      x1 != 0 /\
      x2 != 0 /\
      x1' != 0 /\
      x2' != 0 /\
      (sim x1 x2) = (sim x1' x2') /\
      (x1 *m W) != 0 /\
      (x2 *m W) != 0 /\
      (x1' *m W') != 0 /\
      (x2' *m W') != 0 /\
      (sim (x1 *m W) (x2 *m W)) = (sim (x1' *m W') (x2' *m W')) /\
      (sim (x1 *m W) (x2 *m W)) = s /\
      0 < (1 * (((sine (x1 *m W) (x2 *m W)) * (Num.sqrt (((((norm x1) / (norm (x1 *m W))) - ((norm x2) / (norm (x2 *m W)))) ^+ 2) + (((2 * ((norm x1) / (norm (x1 *m W)))) * ((norm x2) / (norm (x2 *m W)))) * (1 - (((sim x1 x2) * (sim (x1 *m W) (x2 *m W))) - ((sine x1 x2) * (sine (x1 *m W) (x2 *m W))))))))) + ((sine (x1' *m W') (x2' *m W')) * (Num.sqrt (((((norm x1') / (norm (x1' *m W'))) - ((norm x2') / (norm (x2' *m W')))) ^+ 2) + (((2 * ((norm x1') / (norm (x1' *m W')))) * ((norm x2') / (norm (x2' *m W')))) * (1 - (((sim x1' x2') * (sim (x1' *m W') (x2' *m W'))) - ((sine x1' x2') * (sine (x1' *m W') (x2' *m W'))))))))))) /\
      forall C K e0 : R, 0 < e0 ->
        (forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, d)) (epsilon : R),
          0 < epsilon <= e0 ->
          spectral_le (A *m B) epsilon ->
          (x1 *m (W + (A *m B))) != 0 ->
          (x2 *m (W + (A *m B))) != 0 ->
          (x1' *m (W' + (A *m B))) != 0 ->
          (x2' *m (W' + (A *m B))) != 0 ->
          `|((sim (x1 *m (W + (A *m B))) (x2 *m (W + (A *m B)))) - (sim (x1' *m (W' + (A *m B))) (x2' *m (W' + (A *m B)))))| <= C * epsilon + K * epsilon ^+ 2) ->
        (1 * (((sine (x1 *m W) (x2 *m W)) * (Num.sqrt (((((norm x1) / (norm (x1 *m W))) - ((norm x2) / (norm (x2 *m W)))) ^+ 2) + (((2 * ((norm x1) / (norm (x1 *m W)))) * ((norm x2) / (norm (x2 *m W)))) * (1 - (((sim x1 x2) * (sim (x1 *m W) (x2 *m W))) - ((sine x1 x2) * (sine (x1 *m W) (x2 *m W))))))))) + ((sine (x1' *m W') (x2' *m W')) * (Num.sqrt (((((norm x1') / (norm (x1' *m W'))) - ((norm x2') / (norm (x2' *m W')))) ^+ 2) + (((2 * ((norm x1') / (norm (x1' *m W')))) * ((norm x2') / (norm (x2' *m W')))) * (1 - (((sim x1' x2') * (sim (x1' *m W') (x2' *m W'))) - ((sine x1' x2') * (sine (x1' *m W') (x2' *m W'))))))))))) <= C).

(* for every ε; |sim(ŷ₁, ŷ₂) − sim(ŷ₁', ŷ₂')| ≤ ε · Σ √(1 − s₀²)(‖x₁‖/‖x₁W‖ + ‖x₂‖/‖x₂W‖) + (3 + |s₀|)ε²Σ (‖x‖/‖xW‖)², ŷ = x(W + AB), s₀ = sim(x₁W, x₂W) *)
Definition prop_1_explicit : Prop :=
  forall (c d : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(c, d)) (x1 : 'rV[R]_c) (x2 : 'rV[R]_c) (x1' : 'rV[R]_c) (x2' : 'rV[R]_c),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    (sim x1 x2) = (sim x1' x2') ->
    (x1 *m W) != 0 ->
    (x2 *m W) != 0 ->
    (x1' *m W') != 0 ->
    (x2' *m W') != 0 ->
    (sim (x1 *m W) (x2 *m W)) = (sim (x1' *m W') (x2' *m W')) ->
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, d)) (epsilon : R),
    0 <= epsilon ->
    spectral_le (A *m B) epsilon ->
    (x1 *m (W + (A *m B))) != 0 ->
    (x2 *m (W + (A *m B))) != 0 ->
    (x1' *m (W' + (A *m B))) != 0 ->
    (x2' *m (W' + (A *m B))) != 0 ->
    `|((sim (x1 *m (W + (A *m B))) (x2 *m (W + (A *m B)))) - (sim (x1' *m (W' + (A *m B))) (x2' *m (W' + (A *m B)))))| <= ((epsilon * (((sine (x1 *m W) (x2 *m W)) * (((norm x1) / (norm (x1 *m W))) + ((norm x2) / (norm (x2 *m W))))) + ((sine (x1' *m W') (x2' *m W')) * (((norm x1') / (norm (x1' *m W'))) + ((norm x2') / (norm (x2' *m W'))))))) + (((3 + `|(sim (x1 *m W) (x2 *m W))|) * (epsilon ^+ 2)) * ((((norm x1) / (norm (x1 *m W))) ^+ 2) + (((norm x2) / (norm (x2 *m W))) ^+ 2) + (((norm x1') / (norm (x1' *m W'))) ^+ 2) + (((norm x2') / (norm (x2' *m W'))) ^+ 2)))).

(* |sim(ŷ₁, ŷ₂) − sim(ŷ₁', ŷ₂')| ≤ 4(1 + s₀)ε + O(ε²), ŷ = x(I + AB)W, s₀ = sim(x₁W, x₂W) *)
Definition prop_2_input : Prop :=
  forall (c d e : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(c, e)) (x1 : 'rV[R]_c) (x2 : 'rV[R]_c) (x1' : 'rV[R]_c) (x2' : 'rV[R]_c),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    (sim x1 x2) = (sim x1' x2') ->
    (x1 *m W) != 0 ->
    (x2 *m W) != 0 ->
    (x1' *m W') != 0 ->
    (x2' *m W') != 0 ->
    (sim (x1 *m W) (x2 *m W)) = (sim (x1' *m W') (x2' *m W')) ->
    exists K e0 : R, 0 < e0 /\
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, c)) (epsilon : R),
    0 < epsilon <= e0 ->
    (r < c)%N ->
    spectral_le (A *m B) epsilon ->
    ((x1 *m (1%:M + (A *m B))) *m W) != 0 ->
    ((x2 *m (1%:M + (A *m B))) *m W) != 0 ->
    ((x1' *m (1%:M + (A *m B))) *m W') != 0 ->
    ((x2' *m (1%:M + (A *m B))) *m W') != 0 ->
    `|((sim ((x1 *m (1%:M + (A *m B))) *m W) ((x2 *m (1%:M + (A *m B))) *m W)) - (sim ((x1' *m (1%:M + (A *m B))) *m W') ((x2' *m (1%:M + (A *m B))) *m W')))| <= ((4 * (1 + (sim (x1 *m W) (x2 *m W)))) * epsilon) + K * epsilon ^+ 2.

(* |sim(ŷ₁, ŷ₂) − sim(ŷ₁', ŷ₂')| ≤ 4(1 + s₀)ε + O(ε²), ŷ = x(I + AB)W, s₀ = sim(x₁W, x₂W) *)
Definition prop_2_input_literal : Prop :=
  forall (c d e : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(c, e)) (x1 : 'rV[R]_c) (x2 : 'rV[R]_c) (x1' : 'rV[R]_c) (x2' : 'rV[R]_c),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    (sim x1 x2) = (sim x1' x2') ->
    (x1 *m W) != 0 ->
    (x2 *m W) != 0 ->
    (x1' *m W') != 0 ->
    (x2' *m W') != 0 ->
    (sim (x1 *m W) (x2 *m W)) = (sim (x1' *m W') (x2' *m W')) ->
    exists K e0 : R, 0 < e0 /\
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, c)) (epsilon : R) (s1 : R),
    0 < epsilon <= e0 ->
    (r < c)%N ->
    spectral (A *m B) s1 ->
    (s1 ^+ 2) <= epsilon ->
    ((x1 *m (1%:M + (A *m B))) *m W) != 0 ->
    ((x2 *m (1%:M + (A *m B))) *m W) != 0 ->
    ((x1' *m (1%:M + (A *m B))) *m W') != 0 ->
    ((x2' *m (1%:M + (A *m B))) *m W') != 0 ->
    `|((sim ((x1 *m (1%:M + (A *m B))) *m W) ((x2 *m (1%:M + (A *m B))) *m W)) - (sim ((x1' *m (1%:M + (A *m B))) *m W') ((x2' *m (1%:M + (A *m B))) *m W')))| <= ((4 * (1 + (sim (x1 *m W) (x2 *m W)))) * epsilon) + K * epsilon ^+ 2.

(* |sim(ŷ₁, ŷ₂) − sim(ŷ₁', ŷ₂')| ≤ 4(1 + s₀)ε + O(ε²), ŷ = x(I + AB)W, s₀ = sim(x₁W, x₂W) *)
Definition prop_2_input_frobenius : Prop :=
  forall (c d e : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(c, e)) (x1 : 'rV[R]_c) (x2 : 'rV[R]_c) (x1' : 'rV[R]_c) (x2' : 'rV[R]_c),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    (sim x1 x2) = (sim x1' x2') ->
    (x1 *m W) != 0 ->
    (x2 *m W) != 0 ->
    (x1' *m W') != 0 ->
    (x2' *m W') != 0 ->
    (sim (x1 *m W) (x2 *m W)) = (sim (x1' *m W') (x2' *m W')) ->
    exists K e0 : R, 0 < e0 /\
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, c)) (epsilon : R),
    0 < epsilon <= e0 ->
    (r < c)%N ->
    (fro (A *m B)) <= epsilon ->
    ((x1 *m (1%:M + (A *m B))) *m W) != 0 ->
    ((x2 *m (1%:M + (A *m B))) *m W) != 0 ->
    ((x1' *m (1%:M + (A *m B))) *m W') != 0 ->
    ((x2' *m (1%:M + (A *m B))) *m W') != 0 ->
    `|((sim ((x1 *m (1%:M + (A *m B))) *m W) ((x2 *m (1%:M + (A *m B))) *m W)) - (sim ((x1' *m (1%:M + (A *m B))) *m W') ((x2' *m (1%:M + (A *m B))) *m W')))| <= ((4 * (1 + (sim (x1 *m W) (x2 *m W)))) * epsilon) + K * epsilon ^+ 2.

(* |sim(ŷ₁, ŷ₂) − sim(ŷ₁', ŷ₂')| ≤ 4(1 + |s₀|)ε + O(ε²), ŷ = x(I + AB)W, s₀ = sim(x₁W, x₂W) *)
Definition prop_2_input_abs : Prop :=
  forall (c d e : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(c, e)) (x1 : 'rV[R]_c) (x2 : 'rV[R]_c) (x1' : 'rV[R]_c) (x2' : 'rV[R]_c),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    (sim x1 x2) = (sim x1' x2') ->
    (x1 *m W) != 0 ->
    (x2 *m W) != 0 ->
    (x1' *m W') != 0 ->
    (x2' *m W') != 0 ->
    (sim (x1 *m W) (x2 *m W)) = (sim (x1' *m W') (x2' *m W')) ->
    exists K e0 : R, 0 < e0 /\
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, c)) (epsilon : R),
    0 < epsilon <= e0 ->
    (r < c)%N ->
    spectral_le (A *m B) epsilon ->
    ((x1 *m (1%:M + (A *m B))) *m W) != 0 ->
    ((x2 *m (1%:M + (A *m B))) *m W) != 0 ->
    ((x1' *m (1%:M + (A *m B))) *m W') != 0 ->
    ((x2' *m (1%:M + (A *m B))) *m W') != 0 ->
    `|((sim ((x1 *m (1%:M + (A *m B))) *m W) ((x2 *m (1%:M + (A *m B))) *m W)) - (sim ((x1' *m (1%:M + (A *m B))) *m W') ((x2' *m (1%:M + (A *m B))) *m W')))| <= ((4 * (1 + `|(sim (x1 *m W) (x2 *m W))|)) * epsilon) + K * epsilon ^+ 2.

(* |sim(ŷ₁, ŷ₂) − sim(ŷ₁', ŷ₂')| ≤ ε · Σ (1 − s₀²)(κ + 1/κ) + O(ε²), ŷ = x(I + AB)W, s₀ = sim(x₁W, x₂W), κ = cond(W) *)
Definition prop_2_input_sharp : Prop :=
  (forall (c d e : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(c, e)) (x1 : 'rV[R]_c) (x2 : 'rV[R]_c) (x1' : 'rV[R]_c) (x2' : 'rV[R]_c) (c1 : R) (c2 : R),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    (sim x1 x2) = (sim x1' x2') ->
    (x1 *m W) != 0 ->
    (x2 *m W) != 0 ->
    (x1' *m W') != 0 ->
    (x2' *m W') != 0 ->
    (sim (x1 *m W) (x2 *m W)) = (sim (x1' *m W') (x2' *m W')) ->
    \rank W = c ->
    \rank W' = c ->
    cond W c1 ->
    cond W' c2 ->
    exists K e0 : R, 0 < e0 /\
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, c)) (epsilon : R),
    0 < epsilon <= e0 ->
    spectral_le (A *m B) epsilon ->
    ((x1 *m (1%:M + (A *m B))) *m W) != 0 ->
    ((x2 *m (1%:M + (A *m B))) *m W) != 0 ->
    ((x1' *m (1%:M + (A *m B))) *m W') != 0 ->
    ((x2' *m (1%:M + (A *m B))) *m W') != 0 ->
    `|((sim ((x1 *m (1%:M + (A *m B))) *m W) ((x2 *m (1%:M + (A *m B))) *m W)) - (sim ((x1' *m (1%:M + (A *m B))) *m W') ((x2' *m (1%:M + (A *m B))) *m W')))| <= (epsilon * ((((sine (x1 *m W) (x2 *m W)) ^+ 2) * (c1 + (1 / c1))) + (((sine (x1' *m W') (x2' *m W')) ^+ 2) * (c2 + (1 / c2))))) + K * epsilon ^+ 2)
  /\
  (forall s : R, -1 < s < 1 -> exists (c d e : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(c, e)) (x1 : 'rV[R]_c) (x2 : 'rV[R]_c) (x1' : 'rV[R]_c) (x2' : 'rV[R]_c) (c1 : R) (c2 : R),
      x1 != 0 /\
      x2 != 0 /\
      x1' != 0 /\
      x2' != 0 /\
      (sim x1 x2) = (sim x1' x2') /\
      (x1 *m W) != 0 /\
      (x2 *m W) != 0 /\
      (x1' *m W') != 0 /\
      (x2' *m W') != 0 /\
      (sim (x1 *m W) (x2 *m W)) = (sim (x1' *m W') (x2' *m W')) /\
      \rank W = c /\
      \rank W' = c /\
      cond W c1 /\
      cond W' c2 /\
      (sim (x1 *m W) (x2 *m W)) = s /\
      0 < (1 * ((((sine (x1 *m W) (x2 *m W)) ^+ 2) * (c1 + (1 / c1))) + (((sine (x1' *m W') (x2' *m W')) ^+ 2) * (c2 + (1 / c2))))) /\
      forall C K e0 : R, 0 < e0 ->
        (forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, c)) (epsilon : R),
          0 < epsilon <= e0 ->
          spectral_le (A *m B) epsilon ->
          ((x1 *m (1%:M + (A *m B))) *m W) != 0 ->
          ((x2 *m (1%:M + (A *m B))) *m W) != 0 ->
          ((x1' *m (1%:M + (A *m B))) *m W') != 0 ->
          ((x2' *m (1%:M + (A *m B))) *m W') != 0 ->
          `|((sim ((x1 *m (1%:M + (A *m B))) *m W) ((x2 *m (1%:M + (A *m B))) *m W)) - (sim ((x1' *m (1%:M + (A *m B))) *m W') ((x2' *m (1%:M + (A *m B))) *m W')))| <= C * epsilon + K * epsilon ^+ 2) ->
        (1 * ((((sine (x1 *m W) (x2 *m W)) ^+ 2) * (c1 + (1 / c1))) + (((sine (x1' *m W') (x2' *m W')) ^+ 2) * (c2 + (1 / c2))))) <= C).

(* for any W; |sim(ŷ₁, ŷ₂) − sim(ŷ₁', ŷ₂')| ≤ ε · Σ √(1 − s₀²)(‖x₁‖/‖x₁W‖ + ‖x₂‖/‖x₂W‖) · ‖W‖₂ + O(ε²), ŷ = x(I + AB)W, s₀ = sim(x₁W, x₂W) *)
Definition prop_2_input_vectors : Prop :=
  forall (c d e : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(c, e)) (x1 : 'rV[R]_c) (x2 : 'rV[R]_c) (x1' : 'rV[R]_c) (x2' : 'rV[R]_c) (s1 : R) (s2 : R),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    (sim x1 x2) = (sim x1' x2') ->
    (x1 *m W) != 0 ->
    (x2 *m W) != 0 ->
    (x1' *m W') != 0 ->
    (x2' *m W') != 0 ->
    (sim (x1 *m W) (x2 *m W)) = (sim (x1' *m W') (x2' *m W')) ->
    spectral W s1 ->
    spectral W' s2 ->
    exists K e0 : R, 0 < e0 /\
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, c)) (epsilon : R),
    0 < epsilon <= e0 ->
    spectral_le (A *m B) epsilon ->
    ((x1 *m (1%:M + (A *m B))) *m W) != 0 ->
    ((x2 *m (1%:M + (A *m B))) *m W) != 0 ->
    ((x1' *m (1%:M + (A *m B))) *m W') != 0 ->
    ((x2' *m (1%:M + (A *m B))) *m W') != 0 ->
    `|((sim ((x1 *m (1%:M + (A *m B))) *m W) ((x2 *m (1%:M + (A *m B))) *m W)) - (sim ((x1' *m (1%:M + (A *m B))) *m W') ((x2' *m (1%:M + (A *m B))) *m W')))| <= (epsilon * ((((sine (x1 *m W) (x2 *m W)) * (((norm x1) / (norm (x1 *m W))) + ((norm x2) / (norm (x2 *m W))))) * s1) + (((sine (x1' *m W') (x2' *m W')) * (((norm x1') / (norm (x1' *m W'))) + ((norm x2') / (norm (x2' *m W'))))) * s2))) + K * epsilon ^+ 2.

(* |sim(ŷ₁, ŷ₂) − sim(ŷ₁', ŷ₂')| ≤ 4(1 + s₀)ε + O(ε²), ŷ = xW(I + AB), s₀ = sim(x₁W, x₂W) *)
Definition prop_2_output : Prop :=
  forall (b c d : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(b, d)) (x1 : 'rV[R]_c) (x2 : 'rV[R]_c) (x1' : 'rV[R]_b) (x2' : 'rV[R]_b),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    (sim x1 x2) = (sim x1' x2') ->
    (x1 *m W) != 0 ->
    (x2 *m W) != 0 ->
    (x1' *m W') != 0 ->
    (x2' *m W') != 0 ->
    (sim (x1 *m W) (x2 *m W)) = (sim (x1' *m W') (x2' *m W')) ->
    exists K e0 : R, 0 < e0 /\
    forall (r : nat) (A : 'M[R]_(d, r)) (B : 'M[R]_(r, d)) (epsilon : R),
    0 < epsilon <= e0 ->
    (r < d)%N ->
    spectral_le (A *m B) epsilon ->
    ((x1 *m W) *m (1%:M + (A *m B))) != 0 ->
    ((x2 *m W) *m (1%:M + (A *m B))) != 0 ->
    ((x1' *m W') *m (1%:M + (A *m B))) != 0 ->
    ((x2' *m W') *m (1%:M + (A *m B))) != 0 ->
    `|((sim ((x1 *m W) *m (1%:M + (A *m B))) ((x2 *m W) *m (1%:M + (A *m B)))) - (sim ((x1' *m W') *m (1%:M + (A *m B))) ((x2' *m W') *m (1%:M + (A *m B)))))| <= ((4 * (1 + (sim (x1 *m W) (x2 *m W)))) * epsilon) + K * epsilon ^+ 2.

(* |sim(ŷ₁, ŷ₂) − sim(ŷ₁', ŷ₂')| ≤ 4(1 + s₀)ε + O(ε²), ŷ = xW(I + AB), s₀ = sim(x₁W, x₂W) *)
Definition prop_2_output_literal : Prop :=
  forall (b c d : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(b, d)) (x1 : 'rV[R]_c) (x2 : 'rV[R]_c) (x1' : 'rV[R]_b) (x2' : 'rV[R]_b),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    (sim x1 x2) = (sim x1' x2') ->
    (x1 *m W) != 0 ->
    (x2 *m W) != 0 ->
    (x1' *m W') != 0 ->
    (x2' *m W') != 0 ->
    (sim (x1 *m W) (x2 *m W)) = (sim (x1' *m W') (x2' *m W')) ->
    exists K e0 : R, 0 < e0 /\
    forall (r : nat) (A : 'M[R]_(d, r)) (B : 'M[R]_(r, d)) (epsilon : R) (s1 : R),
    0 < epsilon <= e0 ->
    (r < d)%N ->
    spectral (A *m B) s1 ->
    (s1 ^+ 2) <= epsilon ->
    ((x1 *m W) *m (1%:M + (A *m B))) != 0 ->
    ((x2 *m W) *m (1%:M + (A *m B))) != 0 ->
    ((x1' *m W') *m (1%:M + (A *m B))) != 0 ->
    ((x2' *m W') *m (1%:M + (A *m B))) != 0 ->
    `|((sim ((x1 *m W) *m (1%:M + (A *m B))) ((x2 *m W) *m (1%:M + (A *m B)))) - (sim ((x1' *m W') *m (1%:M + (A *m B))) ((x2' *m W') *m (1%:M + (A *m B)))))| <= ((4 * (1 + (sim (x1 *m W) (x2 *m W)))) * epsilon) + K * epsilon ^+ 2.

(* |sim(ŷ₁, ŷ₂) − sim(ŷ₁', ŷ₂')| ≤ 4(1 + s₀)ε + O(ε²), ŷ = xW(I + AB), s₀ = sim(x₁W, x₂W) *)
Definition prop_2_output_frobenius : Prop :=
  forall (b c d : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(b, d)) (x1 : 'rV[R]_c) (x2 : 'rV[R]_c) (x1' : 'rV[R]_b) (x2' : 'rV[R]_b),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    (sim x1 x2) = (sim x1' x2') ->
    (x1 *m W) != 0 ->
    (x2 *m W) != 0 ->
    (x1' *m W') != 0 ->
    (x2' *m W') != 0 ->
    (sim (x1 *m W) (x2 *m W)) = (sim (x1' *m W') (x2' *m W')) ->
    exists K e0 : R, 0 < e0 /\
    forall (r : nat) (A : 'M[R]_(d, r)) (B : 'M[R]_(r, d)) (epsilon : R),
    0 < epsilon <= e0 ->
    (r < d)%N ->
    (fro (A *m B)) <= epsilon ->
    ((x1 *m W) *m (1%:M + (A *m B))) != 0 ->
    ((x2 *m W) *m (1%:M + (A *m B))) != 0 ->
    ((x1' *m W') *m (1%:M + (A *m B))) != 0 ->
    ((x2' *m W') *m (1%:M + (A *m B))) != 0 ->
    `|((sim ((x1 *m W) *m (1%:M + (A *m B))) ((x2 *m W) *m (1%:M + (A *m B)))) - (sim ((x1' *m W') *m (1%:M + (A *m B))) ((x2' *m W') *m (1%:M + (A *m B)))))| <= ((4 * (1 + (sim (x1 *m W) (x2 *m W)))) * epsilon) + K * epsilon ^+ 2.

(* |sim(ŷ₁, ŷ₂) − sim(ŷ₁', ŷ₂')| ≤ 4(1 + |s₀|)ε + O(ε²), ŷ = xW(I + AB), s₀ = sim(x₁W, x₂W) *)
Definition prop_2_output_abs : Prop :=
  forall (b c d : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(b, d)) (x1 : 'rV[R]_c) (x2 : 'rV[R]_c) (x1' : 'rV[R]_b) (x2' : 'rV[R]_b),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    (sim x1 x2) = (sim x1' x2') ->
    (x1 *m W) != 0 ->
    (x2 *m W) != 0 ->
    (x1' *m W') != 0 ->
    (x2' *m W') != 0 ->
    (sim (x1 *m W) (x2 *m W)) = (sim (x1' *m W') (x2' *m W')) ->
    exists K e0 : R, 0 < e0 /\
    forall (r : nat) (A : 'M[R]_(d, r)) (B : 'M[R]_(r, d)) (epsilon : R),
    0 < epsilon <= e0 ->
    spectral_le (A *m B) epsilon ->
    ((x1 *m W) *m (1%:M + (A *m B))) != 0 ->
    ((x2 *m W) *m (1%:M + (A *m B))) != 0 ->
    ((x1' *m W') *m (1%:M + (A *m B))) != 0 ->
    ((x2' *m W') *m (1%:M + (A *m B))) != 0 ->
    `|((sim ((x1 *m W) *m (1%:M + (A *m B))) ((x2 *m W) *m (1%:M + (A *m B)))) - (sim ((x1' *m W') *m (1%:M + (A *m B))) ((x2' *m W') *m (1%:M + (A *m B)))))| <= ((4 * (1 + `|(sim (x1 *m W) (x2 *m W))|)) * epsilon) + K * epsilon ^+ 2.

(* |sim(ŷ₁, ŷ₂) − sim(ŷ₁', ŷ₂')| ≤ 2ε · Σ (1 − s₀²) + O(ε³), ŷ = xW(I + AB), s₀ = sim(x₁W, x₂W) *)
Definition prop_2_output_sharp : Prop :=
  (forall (b c d : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(b, d)) (x1 : 'rV[R]_c) (x2 : 'rV[R]_c) (x1' : 'rV[R]_b) (x2' : 'rV[R]_b),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    (sim x1 x2) = (sim x1' x2') ->
    (x1 *m W) != 0 ->
    (x2 *m W) != 0 ->
    (x1' *m W') != 0 ->
    (x2' *m W') != 0 ->
    (sim (x1 *m W) (x2 *m W)) = (sim (x1' *m W') (x2' *m W')) ->
    exists K e0 : R, 0 < e0 /\
    forall (r : nat) (A : 'M[R]_(d, r)) (B : 'M[R]_(r, d)) (epsilon : R),
    0 < epsilon <= e0 ->
    spectral_le (A *m B) epsilon ->
    ((x1 *m W) *m (1%:M + (A *m B))) != 0 ->
    ((x2 *m W) *m (1%:M + (A *m B))) != 0 ->
    ((x1' *m W') *m (1%:M + (A *m B))) != 0 ->
    ((x2' *m W') *m (1%:M + (A *m B))) != 0 ->
    `|((sim ((x1 *m W) *m (1%:M + (A *m B))) ((x2 *m W) *m (1%:M + (A *m B)))) - (sim ((x1' *m W') *m (1%:M + (A *m B))) ((x2' *m W') *m (1%:M + (A *m B)))))| <= ((2 * epsilon) * (((sine (x1 *m W) (x2 *m W)) ^+ 2) + ((sine (x1' *m W') (x2' *m W')) ^+ 2))) + K * epsilon ^+ 3)
  /\
  (forall s : R, -1 < s < 1 -> exists (b c d : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(b, d)) (x1 : 'rV[R]_c) (x2 : 'rV[R]_c) (x1' : 'rV[R]_b) (x2' : 'rV[R]_b),
      x1 != 0 /\
      x2 != 0 /\
      x1' != 0 /\
      x2' != 0 /\
      (sim x1 x2) = (sim x1' x2') /\
      (x1 *m W) != 0 /\
      (x2 *m W) != 0 /\
      (x1' *m W') != 0 /\
      (x2' *m W') != 0 /\
      (sim (x1 *m W) (x2 *m W)) = (sim (x1' *m W') (x2' *m W')) /\
      (sim (x1 *m W) (x2 *m W)) = s /\
      0 < ((2 * 1) * (((sine (x1 *m W) (x2 *m W)) ^+ 2) + ((sine (x1' *m W') (x2' *m W')) ^+ 2))) /\
      forall C K e0 : R, 0 < e0 ->
        (forall (r : nat) (A : 'M[R]_(d, r)) (B : 'M[R]_(r, d)) (epsilon : R),
          0 < epsilon <= e0 ->
          spectral_le (A *m B) epsilon ->
          ((x1 *m W) *m (1%:M + (A *m B))) != 0 ->
          ((x2 *m W) *m (1%:M + (A *m B))) != 0 ->
          ((x1' *m W') *m (1%:M + (A *m B))) != 0 ->
          ((x2' *m W') *m (1%:M + (A *m B))) != 0 ->
          `|((sim ((x1 *m W) *m (1%:M + (A *m B))) ((x2 *m W) *m (1%:M + (A *m B)))) - (sim ((x1' *m W') *m (1%:M + (A *m B))) ((x2' *m W') *m (1%:M + (A *m B)))))| <= C * epsilon + K * epsilon ^+ 2) ->
        ((2 * 1) * (((sine (x1 *m W) (x2 *m W)) ^+ 2) + ((sine (x1' *m W') (x2' *m W')) ^+ 2))) <= C).

(* |sim(ŷ₁, ŷ₂) − sim(ŷ₁', ŷ₂')| ≤ max(τ(1 − s₀²)/(1 + τs₀) + τ(1 − s₀'²)/(1 − τs₀'), τ(1 − s₀'²)/(1 + τs₀') + τ(1 − s₀²)/(1 − τs₀)), ŷ = xW(I + AB), τ = 2ε/(1 + ε²), s₀ = sim(x₁W, x₂W), s₀' = sim(x₁'W', x₂'W') *)
Definition prop_2_output_finite : Prop :=
  (forall (b c d : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(b, d)) (x1 : 'rV[R]_c) (x2 : 'rV[R]_c) (x1' : 'rV[R]_b) (x2' : 'rV[R]_b),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    (sim x1 x2) = (sim x1' x2') ->
    (x1 *m W) != 0 ->
    (x2 *m W) != 0 ->
    (x1' *m W') != 0 ->
    (x2' *m W') != 0 ->
    (sim (x1 *m W) (x2 *m W)) = (sim (x1' *m W') (x2' *m W')) ->
    forall (r : nat) (A : 'M[R]_(d, r)) (B : 'M[R]_(r, d)) (epsilon : R),
    0 <= epsilon ->
    spectral_le (A *m B) epsilon ->
    epsilon < 1 ->
    ((x1 *m W) *m (1%:M + (A *m B))) != 0 ->
    ((x2 *m W) *m (1%:M + (A *m B))) != 0 ->
    ((x1' *m W') *m (1%:M + (A *m B))) != 0 ->
    ((x2' *m W') *m (1%:M + (A *m B))) != 0 ->
    `|((sim ((x1 *m W) *m (1%:M + (A *m B))) ((x2 *m W) *m (1%:M + (A *m B)))) - (sim ((x1' *m W') *m (1%:M + (A *m B))) ((x2' *m W') *m (1%:M + (A *m B)))))| <= (Num.max (((((2 * epsilon) / (1 + (epsilon ^+ 2))) * ((sine (x1 *m W) (x2 *m W)) ^+ 2)) / (1 + (((2 * epsilon) / (1 + (epsilon ^+ 2))) * (sim (x1 *m W) (x2 *m W))))) + ((((2 * epsilon) / (1 + (epsilon ^+ 2))) * ((sine (x1' *m W') (x2' *m W')) ^+ 2)) / (1 - (((2 * epsilon) / (1 + (epsilon ^+ 2))) * (sim (x1' *m W') (x2' *m W')))))) (((((2 * epsilon) / (1 + (epsilon ^+ 2))) * ((sine (x1' *m W') (x2' *m W')) ^+ 2)) / (1 + (((2 * epsilon) / (1 + (epsilon ^+ 2))) * (sim (x1' *m W') (x2' *m W'))))) + ((((2 * epsilon) / (1 + (epsilon ^+ 2))) * ((sine (x1 *m W) (x2 *m W)) ^+ 2)) / (1 - (((2 * epsilon) / (1 + (epsilon ^+ 2))) * (sim (x1 *m W) (x2 *m W))))))))
  /\
  (forall s : R, -1 < s < 1 -> exists (b c d : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(b, d)) (x1 : 'rV[R]_c) (x2 : 'rV[R]_c) (x1' : 'rV[R]_b) (x2' : 'rV[R]_b) (r : nat) (A : 'M[R]_(d, r)) (B : 'M[R]_(r, d)) (epsilon : R),
      x1 != 0 /\
      x2 != 0 /\
      x1' != 0 /\
      x2' != 0 /\
      (sim x1 x2) = (sim x1' x2') /\
      (x1 *m W) != 0 /\
      (x2 *m W) != 0 /\
      (x1' *m W') != 0 /\
      (x2' *m W') != 0 /\
      (sim (x1 *m W) (x2 *m W)) = (sim (x1' *m W') (x2' *m W')) /\
      0 <= epsilon /\
      spectral_le (A *m B) epsilon /\
      epsilon < 1 /\
      ((x1 *m W) *m (1%:M + (A *m B))) != 0 /\
      ((x2 *m W) *m (1%:M + (A *m B))) != 0 /\
      ((x1' *m W') *m (1%:M + (A *m B))) != 0 /\
      ((x2' *m W') *m (1%:M + (A *m B))) != 0 /\
      (sim (x1 *m W) (x2 *m W)) = s /\
      `|((sim ((x1 *m W) *m (1%:M + (A *m B))) ((x2 *m W) *m (1%:M + (A *m B)))) - (sim ((x1' *m W') *m (1%:M + (A *m B))) ((x2' *m W') *m (1%:M + (A *m B)))))| = (Num.max (((((2 * epsilon) / (1 + (epsilon ^+ 2))) * ((sine (x1 *m W) (x2 *m W)) ^+ 2)) / (1 + (((2 * epsilon) / (1 + (epsilon ^+ 2))) * (sim (x1 *m W) (x2 *m W))))) + ((((2 * epsilon) / (1 + (epsilon ^+ 2))) * ((sine (x1' *m W') (x2' *m W')) ^+ 2)) / (1 - (((2 * epsilon) / (1 + (epsilon ^+ 2))) * (sim (x1' *m W') (x2' *m W')))))) (((((2 * epsilon) / (1 + (epsilon ^+ 2))) * ((sine (x1' *m W') (x2' *m W')) ^+ 2)) / (1 + (((2 * epsilon) / (1 + (epsilon ^+ 2))) * (sim (x1' *m W') (x2' *m W'))))) + ((((2 * epsilon) / (1 + (epsilon ^+ 2))) * ((sine (x1 *m W) (x2 *m W)) ^+ 2)) / (1 - (((2 * epsilon) / (1 + (epsilon ^+ 2))) * (sim (x1 *m W) (x2 *m W))))))) /\
      0 < (Num.max (((((2 * epsilon) / (1 + (epsilon ^+ 2))) * ((sine (x1 *m W) (x2 *m W)) ^+ 2)) / (1 + (((2 * epsilon) / (1 + (epsilon ^+ 2))) * (sim (x1 *m W) (x2 *m W))))) + ((((2 * epsilon) / (1 + (epsilon ^+ 2))) * ((sine (x1' *m W') (x2' *m W')) ^+ 2)) / (1 - (((2 * epsilon) / (1 + (epsilon ^+ 2))) * (sim (x1' *m W') (x2' *m W')))))) (((((2 * epsilon) / (1 + (epsilon ^+ 2))) * ((sine (x1' *m W') (x2' *m W')) ^+ 2)) / (1 + (((2 * epsilon) / (1 + (epsilon ^+ 2))) * (sim (x1' *m W') (x2' *m W'))))) + ((((2 * epsilon) / (1 + (epsilon ^+ 2))) * ((sine (x1 *m W) (x2 *m W)) ^+ 2)) / (1 - (((2 * epsilon) / (1 + (epsilon ^+ 2))) * (sim (x1 *m W) (x2 *m W)))))))).

(* |artanh(sim(ŷ₁, ŷ₂)) − artanh(s₀)| ≤ ln(cond(I + AB)) and |artanh(sim(ŷ₁', ŷ₂')) − artanh(s₀')| ≤ ln(cond(I + AB)), ŷ = xW(I + AB), s₀ = sim(x₁W, x₂W), s₀' = sim(x₁'W', x₂'W') *)
Definition prop_2_output_artanh : Prop :=
  (forall (b c d : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(b, d)) (x1 : 'rV[R]_c) (x2 : 'rV[R]_c) (x1' : 'rV[R]_b) (x2' : 'rV[R]_b),
    (x1 *m W) != 0 ->
    (x2 *m W) != 0 ->
    (x1' *m W') != 0 ->
    (x2' *m W') != 0 ->
    (sim (x1 *m W) (x2 *m W)) = (sim (x1' *m W') (x2' *m W')) ->
    0 < (Num.min (sine (x1 *m W) (x2 *m W)) (sine (x1' *m W') (x2' *m W'))) ->
    forall (r : nat) (A : 'M[R]_(d, r)) (B : 'M[R]_(r, d)) (c1 : R),
    \rank (1%:M + (A *m B)) = d ->
    ((x1 *m W) *m (1%:M + (A *m B))) != 0 ->
    ((x2 *m W) *m (1%:M + (A *m B))) != 0 ->
    cond (1%:M + (A *m B)) c1 ->
    ((x1' *m W') *m (1%:M + (A *m B))) != 0 ->
    ((x2' *m W') *m (1%:M + (A *m B))) != 0 ->
    artanh_within (sim ((x1 *m W) *m (1%:M + (A *m B))) ((x2 *m W) *m (1%:M + (A *m B)))) (sim (x1 *m W) (x2 *m W)) c1 /\ artanh_within (sim ((x1' *m W') *m (1%:M + (A *m B))) ((x2' *m W') *m (1%:M + (A *m B)))) (sim (x1' *m W') (x2' *m W')) c1)
  /\
  (forall s : R, -1 < s < 1 -> exists (b c d : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(b, d)) (x1 : 'rV[R]_c) (x2 : 'rV[R]_c) (x1' : 'rV[R]_b) (x2' : 'rV[R]_b) (r : nat) (A : 'M[R]_(d, r)) (B : 'M[R]_(r, d)) (c1 : R),
      (x1 *m W) != 0 /\
      (x2 *m W) != 0 /\
      (x1' *m W') != 0 /\
      (x2' *m W') != 0 /\
      (sim (x1 *m W) (x2 *m W)) = (sim (x1' *m W') (x2' *m W')) /\
      0 < (Num.min (sine (x1 *m W) (x2 *m W)) (sine (x1' *m W') (x2' *m W'))) /\
      \rank (1%:M + (A *m B)) = d /\
      ((x1 *m W) *m (1%:M + (A *m B))) != 0 /\
      ((x2 *m W) *m (1%:M + (A *m B))) != 0 /\
      cond (1%:M + (A *m B)) c1 /\
      (sim (x1 *m W) (x2 *m W)) = s /\
      artanh_apart (sim ((x1 *m W) *m (1%:M + (A *m B))) ((x2 *m W) *m (1%:M + (A *m B)))) (sim (x1 *m W) (x2 *m W)) c1).

(* x ~ N(0, σ²I); E‖xW₁W₂ − xW₁'W₂'‖² ≤ σ²ε *)
Definition lemma_3 : Prop :=
  (forall (c d h k : nat) (W1 : 'M[R]_(c, h)) (W2 : 'M[R]_(h, d)) (W1' : 'M[R]_(c, k)) (W2' : 'M[R]_(k, d)) (sigma : R) (Omega : Type) (x : Omega -> 'rV[R]_c) (E : (Omega -> R) -> R),
    0 < sigma ->
    law x E (sigma ^+ 2)%:M ->
    forall (epsilon : R),
    0 <= epsilon ->
    ((fro ((W1 *m W2) - (W1' *m W2'))) ^+ 2) <= epsilon ->
    (E (fun w => norm (((x w *m W1) *m W2) - ((x w *m W1') *m W2')) ^+ 2)) <= ((sigma ^+ 2) * epsilon))
  /\
  (exists (c d h k : nat) (W1 : 'M[R]_(c, h)) (W2 : 'M[R]_(h, d)) (W1' : 'M[R]_(c, k)) (W2' : 'M[R]_(k, d)) (sigma : R) (Omega : Type) (x : Omega -> 'rV[R]_c) (E : (Omega -> R) -> R) (epsilon : R),
      0 < sigma /\
      law x E (sigma ^+ 2)%:M /\
      0 <= epsilon /\
      ((fro ((W1 *m W2) - (W1' *m W2'))) ^+ 2) <= epsilon /\
      (E (fun w => norm (((x w *m W1) *m W2) - ((x w *m W1') *m W2')) ^+ 2)) = ((sigma ^+ 2) * epsilon) /\
      0 < ((sigma ^+ 2) * epsilon)).

(* E‖x(W₁ + AB)W₂ − x(W₁' + AB)W₂'‖² ≤ σ²(√ε + ‖AB‖₂‖W₂ − W₂'‖_F)² *)
Definition prop_3 : Prop :=
  (forall (c d h : nat) (W1 : 'M[R]_(c, h)) (W2 : 'M[R]_(h, d)) (W1' : 'M[R]_(c, h)) (W2' : 'M[R]_(h, d)) (sigma : R) (Omega : Type) (x : Omega -> 'rV[R]_c) (E : (Omega -> R) -> R),
    0 < sigma ->
    law x E (sigma ^+ 2)%:M ->
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, h)) (epsilon : R) (s1 : R),
    0 <= epsilon ->
    ((fro ((W1 *m W2) - (W1' *m W2'))) ^+ 2) <= epsilon ->
    spectral (A *m B) s1 ->
    (E (fun w => norm (((x w *m (W1 + (A *m B))) *m W2) - ((x w *m (W1' + (A *m B))) *m W2')) ^+ 2)) <= ((sigma ^+ 2) * (((Num.sqrt epsilon) + (s1 * (fro (W2 - W2')))) ^+ 2)))
  /\
  (exists (c d h : nat) (W1 : 'M[R]_(c, h)) (W2 : 'M[R]_(h, d)) (W1' : 'M[R]_(c, h)) (W2' : 'M[R]_(h, d)) (sigma : R) (Omega : Type) (x : Omega -> 'rV[R]_c) (E : (Omega -> R) -> R) (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, h)) (epsilon : R) (s1 : R),
      0 < sigma /\
      law x E (sigma ^+ 2)%:M /\
      0 <= epsilon /\
      ((fro ((W1 *m W2) - (W1' *m W2'))) ^+ 2) <= epsilon /\
      spectral (A *m B) s1 /\
      (E (fun w => norm (((x w *m (W1 + (A *m B))) *m W2) - ((x w *m (W1' + (A *m B))) *m W2')) ^+ 2)) = ((sigma ^+ 2) * (((Num.sqrt epsilon) + (s1 * (fro (W2 - W2')))) ^+ 2)) /\
      0 < ((sigma ^+ 2) * (((Num.sqrt epsilon) + (s1 * (fro (W2 - W2')))) ^+ 2))).

(* E‖x(W₁ + AB)W₂ − x(W₁' + AB)W₂'‖² = σ²‖W₁W₂ − W₁'W₂' + AB(W₂ − W₂')‖_F² *)
Definition prop_3_exact : Prop :=
  forall (c d h : nat) (W1 : 'M[R]_(c, h)) (W2 : 'M[R]_(h, d)) (W1' : 'M[R]_(c, h)) (W2' : 'M[R]_(h, d)) (sigma : R) (Omega : Type) (x : Omega -> 'rV[R]_c) (E : (Omega -> R) -> R),
    0 < sigma ->
    law x E (sigma ^+ 2)%:M ->
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, h)),
    (E (fun w => norm (((x w *m (W1 + (A *m B))) *m W2) - ((x w *m (W1' + (A *m B))) *m W2')) ^+ 2)) = ((sigma ^+ 2) * ((fro (((W1 *m W2) - (W1' *m W2')) + ((A *m B) *m (W2 - W2')))) ^+ 2)).

(* E‖xW₁(W₂ + AB) − xW₁'(W₂' + AB)‖² ≤ σ²(√ε + ‖AB‖₂‖W₁ − W₁'‖_F)² *)
Definition prop_3_second : Prop :=
  (forall (c d h : nat) (W1 : 'M[R]_(c, h)) (W2 : 'M[R]_(h, d)) (W1' : 'M[R]_(c, h)) (W2' : 'M[R]_(h, d)) (sigma : R) (Omega : Type) (x : Omega -> 'rV[R]_c) (E : (Omega -> R) -> R),
    0 < sigma ->
    law x E (sigma ^+ 2)%:M ->
    forall (r : nat) (A : 'M[R]_(h, r)) (B : 'M[R]_(r, d)) (epsilon : R) (s1 : R),
    0 <= epsilon ->
    ((fro ((W1 *m W2) - (W1' *m W2'))) ^+ 2) <= epsilon ->
    spectral (A *m B) s1 ->
    (E (fun w => norm (((x w *m W1) *m (W2 + (A *m B))) - ((x w *m W1') *m (W2' + (A *m B)))) ^+ 2)) <= ((sigma ^+ 2) * (((Num.sqrt epsilon) + (s1 * (fro (W1 - W1')))) ^+ 2)))
  /\
  (exists (c d h : nat) (W1 : 'M[R]_(c, h)) (W2 : 'M[R]_(h, d)) (W1' : 'M[R]_(c, h)) (W2' : 'M[R]_(h, d)) (sigma : R) (Omega : Type) (x : Omega -> 'rV[R]_c) (E : (Omega -> R) -> R) (r : nat) (A : 'M[R]_(h, r)) (B : 'M[R]_(r, d)) (epsilon : R) (s1 : R),
      0 < sigma /\
      law x E (sigma ^+ 2)%:M /\
      0 <= epsilon /\
      ((fro ((W1 *m W2) - (W1' *m W2'))) ^+ 2) <= epsilon /\
      spectral (A *m B) s1 /\
      (E (fun w => norm (((x w *m W1) *m (W2 + (A *m B))) - ((x w *m W1') *m (W2' + (A *m B)))) ^+ 2)) = ((sigma ^+ 2) * (((Num.sqrt epsilon) + (s1 * (fro (W1 - W1')))) ^+ 2)) /\
      0 < ((sigma ^+ 2) * (((Num.sqrt epsilon) + (s1 * (fro (W1 - W1')))) ^+ 2))).

(* E‖x(I + AB)W₁W₂ − x(I + AB)W₁'W₂'‖² ≤ σ²‖I + AB‖₂²ε *)
Definition prop_4 : Prop :=
  (forall (c d h k : nat) (W1 : 'M[R]_(c, h)) (W2 : 'M[R]_(h, d)) (W1' : 'M[R]_(c, k)) (W2' : 'M[R]_(k, d)) (sigma : R) (Omega : Type) (x : Omega -> 'rV[R]_c) (E : (Omega -> R) -> R),
    0 < sigma ->
    law x E (sigma ^+ 2)%:M ->
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, c)) (epsilon : R) (s1 : R),
    0 <= epsilon ->
    ((fro ((W1 *m W2) - (W1' *m W2'))) ^+ 2) <= epsilon ->
    spectral (1%:M + (A *m B)) s1 ->
    (E (fun w => norm ((((x w *m (1%:M + (A *m B))) *m W1) *m W2) - (((x w *m (1%:M + (A *m B))) *m W1') *m W2')) ^+ 2)) <= (((sigma ^+ 2) * (s1 ^+ 2)) * epsilon))
  /\
  (exists (c d h k : nat) (W1 : 'M[R]_(c, h)) (W2 : 'M[R]_(h, d)) (W1' : 'M[R]_(c, k)) (W2' : 'M[R]_(k, d)) (sigma : R) (Omega : Type) (x : Omega -> 'rV[R]_c) (E : (Omega -> R) -> R) (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, c)) (epsilon : R) (s1 : R),
      0 < sigma /\
      law x E (sigma ^+ 2)%:M /\
      0 <= epsilon /\
      ((fro ((W1 *m W2) - (W1' *m W2'))) ^+ 2) <= epsilon /\
      spectral (1%:M + (A *m B)) s1 /\
      (E (fun w => norm ((((x w *m (1%:M + (A *m B))) *m W1) *m W2) - (((x w *m (1%:M + (A *m B))) *m W1') *m W2')) ^+ 2)) = (((sigma ^+ 2) * (s1 ^+ 2)) * epsilon) /\
      0 < (((sigma ^+ 2) * (s1 ^+ 2)) * epsilon)).

(* E‖x(I + AB)W₁W₂ − x(I + AB)W₁'W₂'‖² = σ²‖(I + AB)(W₁W₂ − W₁'W₂')‖_F² *)
Definition prop_4_exact : Prop :=
  forall (c d h k : nat) (W1 : 'M[R]_(c, h)) (W2 : 'M[R]_(h, d)) (W1' : 'M[R]_(c, k)) (W2' : 'M[R]_(k, d)) (sigma : R) (Omega : Type) (x : Omega -> 'rV[R]_c) (E : (Omega -> R) -> R),
    0 < sigma ->
    law x E (sigma ^+ 2)%:M ->
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, c)),
    (E (fun w => norm ((((x w *m (1%:M + (A *m B))) *m W1) *m W2) - (((x w *m (1%:M + (A *m B))) *m W1') *m W2')) ^+ 2)) = ((sigma ^+ 2) * ((fro ((1%:M + (A *m B)) *m ((W1 *m W2) - (W1' *m W2')))) ^+ 2)).

(* E‖xW₁W₂(I + AB) − xW₁'W₂'(I + AB)‖² ≤ σ²‖I + AB‖₂²ε *)
Definition prop_5 : Prop :=
  (forall (c d h k : nat) (W1 : 'M[R]_(c, h)) (W2 : 'M[R]_(h, d)) (W1' : 'M[R]_(c, k)) (W2' : 'M[R]_(k, d)) (sigma : R) (Omega : Type) (x : Omega -> 'rV[R]_c) (E : (Omega -> R) -> R),
    0 < sigma ->
    law x E (sigma ^+ 2)%:M ->
    forall (r : nat) (A : 'M[R]_(d, r)) (B : 'M[R]_(r, d)) (epsilon : R) (s1 : R),
    0 <= epsilon ->
    ((fro ((W1 *m W2) - (W1' *m W2'))) ^+ 2) <= epsilon ->
    spectral (1%:M + (A *m B)) s1 ->
    (E (fun w => norm ((((x w *m W1) *m W2) *m (1%:M + (A *m B))) - (((x w *m W1') *m W2') *m (1%:M + (A *m B)))) ^+ 2)) <= (((sigma ^+ 2) * (s1 ^+ 2)) * epsilon))
  /\
  (exists (c d h k : nat) (W1 : 'M[R]_(c, h)) (W2 : 'M[R]_(h, d)) (W1' : 'M[R]_(c, k)) (W2' : 'M[R]_(k, d)) (sigma : R) (Omega : Type) (x : Omega -> 'rV[R]_c) (E : (Omega -> R) -> R) (r : nat) (A : 'M[R]_(d, r)) (B : 'M[R]_(r, d)) (epsilon : R) (s1 : R),
      0 < sigma /\
      law x E (sigma ^+ 2)%:M /\
      0 <= epsilon /\
      ((fro ((W1 *m W2) - (W1' *m W2'))) ^+ 2) <= epsilon /\
      spectral (1%:M + (A *m B)) s1 /\
      (E (fun w => norm ((((x w *m W1) *m W2) *m (1%:M + (A *m B))) - (((x w *m W1') *m W2') *m (1%:M + (A *m B)))) ^+ 2)) = (((sigma ^+ 2) * (s1 ^+ 2)) * epsilon) /\
      0 < (((sigma ^+ 2) * (s1 ^+ 2)) * epsilon)).

(* E‖xW₁W₂(I + AB) − xW₁'W₂'(I + AB)‖² = σ²‖(W₁W₂ − W₁'W₂')(I + AB)‖_F² *)
Definition prop_5_exact : Prop :=
  forall (c d h k : nat) (W1 : 'M[R]_(c, h)) (W2 : 'M[R]_(h, d)) (W1' : 'M[R]_(c, k)) (W2' : 'M[R]_(k, d)) (sigma : R) (Omega : Type) (x : Omega -> 'rV[R]_c) (E : (Omega -> R) -> R),
    0 < sigma ->
    law x E (sigma ^+ 2)%:M ->
    forall (r : nat) (A : 'M[R]_(d, r)) (B : 'M[R]_(r, d)),
    (E (fun w => norm ((((x w *m W1) *m W2) *m (1%:M + (A *m B))) - (((x w *m W1') *m W2') *m (1%:M + (A *m B)))) ^+ 2)) = ((sigma ^+ 2) * ((fro (((W1 *m W2) - (W1' *m W2')) *m (1%:M + (A *m B)))) ^+ 2)).
End Statements.
