(* A pair of inputs in the plane with given lengths and cosines, and what diag(1, -1) does to its outputs. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary Further Norms Cosine FirstOrder Output Plane Gradient Lora.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Mirrored.
Variable R : rcfType.

(* instances in the plane: the outputs of Plane.v, and a symmetric matrix that takes them back to the inputs *)
Definition sym2 (f g h : R) : 'M[R]_2 := \matrix_(i, j) (if i == j then (if i == 0 then f else h) else g).
Lemma row2_sym a b f g h : row2 a b *m sym2 f g h = row2 (a * f + b * g) (a * g + b * h).
Proof.
apply/rowP => j; rewrite !mxE !big_ord_recl big_ord0 !mxE /=.
by case: j => [[|[|//]] H]; rewrite /= addr0.
Qed.
Lemma inverse_sym f g h (x : 'rV[R]_2) : f * h - g ^+ 2 != 0 ->
  x *m sym2 f g h *m ((f * h - g ^+ 2)^-1 *: sym2 h (- g) f) = x.
Proof.
move=> D; rewrite (row2P x) row2_sym -scalemxAr row2_sym row2Z; congr row2; field; exact: D.
Qed.
Lemma delta_negated n (u v du dv : 'rV[R]_n) : u != 0 -> v != 0 -> delta (- u) (- v) du dv = - delta u v du dv.
Proof.
move=> hu hv; have pu := norm_gt0 hu; have pv := norm_gt0 hv.
by rewrite /delta /sim !normN !(dotNl, dotNr); field; rewrite !gt_eqF.
Qed.
Lemma sim_negated n (u v : 'rV[R]_n) : sim (- u) (- v) = sim u v.
Proof. by rewrite /sim !normN dotNl dotNr opprK. Qed.

Section Pair.
Variables p q : R.
Hypotheses (p0 : 0 < p) (q0 : 0 < q) (circle : p ^+ 2 + q ^+ 2 = 1).
Let s := p ^+ 2 - q ^+ 2.
Lemma norm_y : norm (y1 p q) = 1 /\ norm (y2 p q) = 1.
Proof. by rewrite /norm !dot2 mulrNN -!expr2 circle sqrtr1. Qed.
Lemma sine_y : sine (y1 p q) (y2 p q) = 2 * p * q.
Proof.
have [e _] := plane_sim circle; rewrite /sine e.
transitivity (Num.sqrt ((p ^+ 2 + q ^+ 2) ^+ 2 - (p ^+ 2 - q ^+ 2) ^+ 2)); first by rewrite circle expr1n.
transitivity (Num.sqrt ((2 * p * q) ^+ 2)); first by congr Num.sqrt; ring.
by rewrite sqrtr_sqr ger0_norm // !mulr_ge0 // ltW.
Qed.
Lemma delta_y f g h : delta (y1 p q) (y2 p q) (y1 p q *m sym2 f g h *m diag2 1 (-1)) (y2 p q *m sym2 f g h *m diag2 1 (-1))
  = (2 * p * q) ^+ 2 * (f + h).
Proof.
have [e _] := plane_sim circle; have [n1 n2] := norm_y.
rewrite /delta e n1 n2 /y1 /y2 !row2_sym !dot2 !mulr1 expr1n !divr1.
transitivity (2 * (p ^+ 2 * f + q ^+ 2 * h) - 2 * (p ^+ 2 - q ^+ 2) * (p ^+ 2 * f - q ^+ 2 * h)); first by ring.
transitivity (2 * (p ^+ 2 * f + q ^+ 2 * h) * (p ^+ 2 + q ^+ 2) - 2 * (p ^+ 2 - q ^+ 2) * (p ^+ 2 * f - q ^+ 2 * h)); last by ring.
by rewrite circle mulr1.
Qed.
Lemma size_x f g h : [/\ dot (y1 p q *m sym2 f g h) (y1 p q *m sym2 f g h)
      = p ^+ 2 * (f ^+ 2 + g ^+ 2) + 2 * p * q * (g * (f + h)) + q ^+ 2 * (g ^+ 2 + h ^+ 2),
    dot (y2 p q *m sym2 f g h) (y2 p q *m sym2 f g h)
      = p ^+ 2 * (f ^+ 2 + g ^+ 2) - 2 * p * q * (g * (f + h)) + q ^+ 2 * (g ^+ 2 + h ^+ 2)
  & dot (y1 p q *m sym2 f g h) (y2 p q *m sym2 f g h) = p ^+ 2 * (f ^+ 2 + g ^+ 2) - q ^+ 2 * (g ^+ 2 + h ^+ 2)].
Proof. by rewrite /y1 /y2 !row2_sym !dot2; split; ring. Qed.

(* lengths a, b of the inputs and their cosine cx *)
Lemma of_data (cx a b : R) : -1 < cx < 1 -> 0 < a -> 0 < b -> exists (W : 'M[R]_2) x z,
  [/\ x *m W = y1 p q, z *m W = y2 p q, norm x = a, norm z = b & sim x z = cx] /\
  delta (y1 p q) (y2 p q) (x *m diag2 1 (-1)) (z *m diag2 1 (-1)) = (2 * p * q) * Num.sqrt ((a - b) ^+ 2
    + 2 * a * b * (1 - (cx * s - Num.sqrt (1 - cx ^+ 2) * (2 * p * q)))).
Proof.
move=> /andP[c1 c2] a0 b0; pose sx := Num.sqrt (1 - cx ^+ 2).
have sx0 : 0 < sx by rewrite sqrtr_gt0; nra.
have sxx : sx ^+ 2 = 1 - cx ^+ 2 by rewrite sqr_sqrtr //; nra.
pose P := (a ^+ 2 + b ^+ 2 + 2 * a * b * cx) / (4 * p ^+ 2); pose Q := (a ^+ 2 + b ^+ 2 - 2 * a * b * cx) / (4 * q ^+ 2).
pose C := (a ^+ 2 - b ^+ 2) / (4 * p * q); pose D := a * b * sx / (2 * p * q).
have ab : 0 < a * b by rewrite mulr_gt0.
have P0 : 0 < P by rewrite divr_gt0 ?mulr_gt0 ?exprn_gt0 //; have := sqr_ge0 (a - b); nra.
have Q0 : 0 < Q by rewrite divr_gt0 ?mulr_gt0 ?exprn_gt0 //; have := sqr_ge0 (a - b); nra.
have D0 : 0 < D by rewrite /D divr_gt0 ?mulr_gt0.
have DD : P * Q - C ^+ 2 = D ^+ 2.
  transitivity ((a * b) ^+ 2 * (1 - cx ^+ 2) / (2 * p * q) ^+ 2); first by rewrite /P /Q /C; field; rewrite !gt_eqF.
  by rewrite -sxx /D; field; rewrite !gt_eqF.
pose n := Num.sqrt (P + Q + 2 * D).
have n0 : 0 < n by rewrite sqrtr_gt0; lra.
have nn : n ^+ 2 = P + Q + 2 * D by rewrite sqr_sqrtr //; lra.
pose f := (P + D) / n; pose g := C / n; pose h := (Q + D) / n.
have CC : C ^+ 2 = P * Q - D ^+ 2 by rewrite -DD; ring.
have det : f * h - g ^+ 2 = D.
  transitivity (((P + D) * (Q + D) - C ^+ 2) / n ^+ 2); first by rewrite /f /g /h; field; rewrite gt_eqF.
  rewrite CC nn; field; rewrite gt_eqF //; lra.
have ff : f ^+ 2 + g ^+ 2 = P.
  transitivity (((P + D) ^+ 2 + C ^+ 2) / n ^+ 2); first by rewrite /f /g; field; rewrite gt_eqF.
  rewrite CC nn; field; rewrite gt_eqF //; lra.
have hh : g ^+ 2 + h ^+ 2 = Q.
  transitivity ((C ^+ 2 + (Q + D) ^+ 2) / n ^+ 2); first by rewrite /h /g; field; rewrite gt_eqF.
  rewrite CC nn; field; rewrite gt_eqF //; lra.
have gg : g * (f + h) = C.
  transitivity (C * (P + Q + 2 * D) / n ^+ 2); first by rewrite /f /g /h; field; rewrite gt_eqF.
  rewrite nn; field; rewrite gt_eqF //; lra.
have tr : f + h = n.
  transitivity ((P + Q + 2 * D) / n); first by rewrite /f /h; field; rewrite gt_eqF.
  rewrite -nn; field; rewrite gt_eqF //; lra.
have [ex ez exz] := size_x f g h; rewrite ff hh gg in ex ez exz.
have {}ex : dot (y1 p q *m sym2 f g h) (y1 p q *m sym2 f g h) = a ^+ 2 by rewrite ex /P /Q /C; field; rewrite !gt_eqF.
have {}ez : dot (y2 p q *m sym2 f g h) (y2 p q *m sym2 f g h) = b ^+ 2 by rewrite ez /P /Q /C; field; rewrite !gt_eqF.
have {}exz : dot (y1 p q *m sym2 f g h) (y2 p q *m sym2 f g h) = a * b * cx by rewrite exz /P /Q; field; rewrite !gt_eqF.
exists (D^-1 *: sym2 h (- g) f), (y1 p q *m sym2 f g h), (y2 p q *m sym2 f g h).
have nx : norm (y1 p q *m sym2 f g h) = a by rewrite /norm ex sqrtr_sqr gtr0_norm.
have nz : norm (y2 p q *m sym2 f g h) = b by rewrite /norm ez sqrtr_sqr gtr0_norm.
split; first split => //.
- by rewrite -det inverse_sym // det gt_eqF.
- by rewrite -det inverse_sym // det gt_eqF.
- by rewrite /sim nx nz exz; field; rewrite !gt_eqF.
rewrite delta_y tr expr2 -mulrA; congr (_ * _).
have pq : 0 < 2 * p * q by rewrite !mulr_gt0.
rewrite /n times_root //; congr Num.sqrt.
rewrite -/sx /P /Q /D /s; transitivity ((a ^+ 2 + b ^+ 2) * (p ^+ 2 + q ^+ 2) - 2 * a * b * cx * (p ^+ 2 - q ^+ 2) + 4 * p * q * (a * b * sx)).
  by field; rewrite !gt_eqF.
by rewrite circle; ring.
Qed.
End Pair.

End Mirrored.
