(* prop-1-weights: layers with given singular values whose inputs and outputs have one cosine. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary Further Norms Cosine FirstOrder Output Plane Gradient Singular Lora Mirrored Statements.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section HoldsWeights.
Variable R : rcfType.

Lemma singularN k c d (W : 'M[R]_(c,d)) a : singular k W a -> singular k (- W) a.
Proof.
have st b V : stretched_le k V b -> stretched_le k (- V : 'M[R]_(c,d)) b.
  by move=> [X hX h]; exists X => // x; rewrite mulmxN normN; exact: h.
by move=> [a0 ha least]; split=> // [|b b0 /st]; [exact: st|rewrite opprK; exact: least].
Qed.

(* W = Q' diag(lo, hi) Q for the rotation Q by (k, l) *)
Section Rotated.
Variables lo hi k l : R.
Hypotheses (lo0 : 0 < lo) (lohi : lo <= hi) (circle : k ^+ 2 + l ^+ 2 = 1).
Definition rotated (a b : R) := sym2 (k ^+ 2 * a + l ^+ 2 * b) (k * l * (a - b)) (l ^+ 2 * a + k ^+ 2 * b).
Lemma rotated_size a b (x : 'rV[R]_2) : dot (x *m rotated a b) (x *m rotated a b)
  = a ^+ 2 * (k * x 0 0 + l * x 0 1) ^+ 2 + b ^+ 2 * (k * x 0 1 - l * x 0 0) ^+ 2.
Proof.
rewrite {1 2}(row2P x) /rotated row2_sym dot2; set u := x 0 0; set v := x 0 1.
transitivity ((k ^+ 2 + l ^+ 2) * (a ^+ 2 * (k * u + l * v) ^+ 2 + b ^+ 2 * (k * v - l * u) ^+ 2)); first by ring.
by rewrite circle mul1r.
Qed.
Lemma rotated_len (x : 'rV[R]_2) : dot x x = (k * x 0 0 + l * x 0 1) ^+ 2 + (k * x 0 1 - l * x 0 0) ^+ 2.
Proof.
rewrite {1 2}(row2P x) dot2; set u := x 0 0; set v := x 0 1.
transitivity ((k ^+ 2 + l ^+ 2) * (u * u + v * v)); first by rewrite circle mul1r.
ring.
Qed.
Lemma rotated_inverse (x : 'rV[R]_2) : x *m rotated lo^-1 hi^-1 *m rotated lo hi = x.
Proof.
have h0 : 0 < hi by exact: lt_le_trans lohi.
rewrite (row2P x) /rotated !row2_sym; set u := x 0 0; set v := x 0 1.
have q t : t * (k ^+ 2 + l ^+ 2) ^+ 2 = t by rewrite circle expr1n mulr1.
congr row2; [rewrite -[RHS]q|rewrite -[RHS]q]; field; by rewrite !gt_eqF.
Qed.
Lemma rotated_low : singular 1 (rotated lo hi) lo.
Proof.
have h0 : 0 < hi by exact: lt_le_trans lohi.
have l2 : lo ^+ 2 <= hi ^+ 2 by rewrite ler_pXn2r ?nnegrE ?(ltW lo0) ?(ltW h0).
have low (x : 'rV[R]_2) : lo * norm x <= norm (x *m rotated lo hi).
  rewrite -(@ler_pXn2r _ 2) ?nnegrE ?mulr_ge0 ?norm_ge0 ?(ltW lo0) // exprMn !norm_sq rotated_size rotated_len mulrDr lerD2l.
  by rewrite ler_wpM2r ?sqr_ge0.
have v0 : row2 k l != 0.
  apply/eqP => z; have : dot (row2 k l) (row2 k l) = 1 by rewrite dot2 -!expr2.
  by rewrite z dot0l => /eqP; rewrite eq_sym oner_eq0.
split; first exact: ltW.
  exists (row2 k l) => [|y]; first by rewrite /row_free rank_rV v0.
  rewrite (mx11_scalar y) !mul_scalar_mx -scalemxAl !normZ mulrCA; apply: ler_wpM2l => //.
  rewrite -(@ler_pXn2r _ 2) ?nnegrE ?mulr_ge0 ?norm_ge0 ?(ltW lo0) // exprMn !norm_sq rotated_size rotated_len !mxE /=.
  by rewrite (mulrC l k) subrr expr0n mulr0 !addr0.
move=> b b0 [V hV h]; have Vn : V != 0 by move: hV; rewrite /row_free rank_rV; case: (V != 0).
have := h 1%:M; rewrite mul1mx => hb; have pV := norm_gt0 Vn.
by rewrite -(ler_pM2r pV); apply: le_trans (low V) hb.
Qed.
Lemma rotated_high : singular 2 (rotated lo hi) hi.
Proof.
have h0 : 0 < hi by exact: lt_le_trans lohi.
have l2 : lo ^+ 2 <= hi ^+ 2 by rewrite ler_pXn2r ?nnegrE ?(ltW lo0) ?(ltW h0).
have up (x : 'rV[R]_2) : norm (x *m rotated lo hi) <= hi * norm x.
  rewrite -(@ler_pXn2r _ 2) ?nnegrE ?mulr_ge0 ?norm_ge0 ?(ltW h0) // exprMn !norm_sq rotated_size rotated_len mulrDr lerD2r.
  by rewrite ler_wpM2r ?sqr_ge0.
split; first exact: ltW.
  by exists 1%:M => [|y]; [rewrite /row_free mxrank1|rewrite mulmx1; exact: up].
move=> b b0 [V hV h]; have Vu : V \in unitmx by rewrite -row_free_unit.
have := h (row2 (- l) k *m invmx V); rewrite mulmxKV // => hb.
have n1 : norm (row2 (- l) k) = 1 by rewrite /norm dot2 mulrNN -!expr2 addrC circle sqrtr1.
rewrite n1 mulr1 in hb; apply: le_trans hb.
rewrite -(@ler_pXn2r _ 2) ?nnegrE ?norm_ge0 ?(ltW h0) // norm_sq rotated_size !mxE /=.
rewrite mulrN (mulrC k l) addNr expr0n mulr0 add0r mulrN opprK -!expr2 circle expr1n mulr1.
exact: lexx.
Qed.
Lemma rotated_rank : \rank (rotated lo hi) = 2.
Proof.
by apply: (full_rank lo0) => x; apply: least_stretch; exact: rotated_low.
Qed.
End Rotated.

Lemma of_weights (p q lo hi : R) : 0 < p -> 0 < q -> p ^+ 2 + q ^+ 2 = 1 -> 0 < lo -> lo <= hi ->
  exists (W : 'M[R]_2) x z, [/\ x *m W = y1 p q, z *m W = y2 p q & sim x z = p ^+ 2 - q ^+ 2] /\
  [/\ \rank W = 2, singular 1 W lo, singular 2 W hi
    & delta (y1 p q) (y2 p q) (x *m diag2 1 (-1)) (z *m diag2 1 (-1)) = (2 * p * q) ^+ 2 * (1 / lo + 1 / hi)].
Proof.
move=> p0 q0 pq l0 lh; have h0 : 0 < hi by exact: lt_le_trans lh.
set s := p ^+ 2 - q ^+ 2; pose t := - s * (hi - lo) / (hi + lo).
have s1 : -1 < s < 1 by have := exprn_gt0 2 p0; have := exprn_gt0 2 q0; rewrite /s; lra.
have lh0 : 0 < hi + lo by rewrite addr_gt0.
have t1 : -1 <= t <= 1.
  by case/andP: s1 => a b; rewrite /t ler_pdivlMr // ler_pdivrMr //; apply/andP; split; nra.
pose k := Num.sqrt ((1 + t) / 2); pose l := Num.sqrt ((1 - t) / 2).
case/andP: t1 => ta tb.
have kk : k ^+ 2 = (1 + t) / 2 by rewrite sqr_sqrtr //; lra.
have ll : l ^+ 2 = (1 - t) / 2 by rewrite sqr_sqrtr //; lra.
have kl : k ^+ 2 + l ^+ 2 = 1 by rewrite kk ll; field.
have ps : p ^+ 2 = (1 + s) / 2 by rewrite /s; lra.
have qs : q ^+ 2 = (1 - s) / 2 by rewrite /s; lra.
pose S := rotated k l lo^-1 hi^-1.
exists (rotated k l lo hi), (y1 p q *m S), (y2 p q *m S); split; last first.
  split; [exact: rotated_rank|exact: rotated_low|exact: rotated_high|].
  rewrite /S /rotated delta_y //; congr (_ * _); transitivity ((k ^+ 2 + l ^+ 2) * (1 / lo + 1 / hi)); last by rewrite kl mul1r.
  by field; rewrite !gt_eqF.
have [ex ez exz] := size_x p q (k ^+ 2 * lo^-1 + l ^+ 2 * hi^-1) (k * l * (lo^-1 - hi^-1)) (l ^+ 2 * lo^-1 + k ^+ 2 * hi^-1).
rewrite -/(rotated k l lo^-1 hi^-1) -/S in ex ez exz.
set X := y1 p q *m S in ex exz *; set Z := y2 p q *m S in ez exz *.
pose T := (lo * hi)^-1; have T0 : 0 < T by rewrite invr_gt0 mulr_gt0.
have f2 : (k ^+ 2 * lo^-1 + l ^+ 2 * hi^-1) ^+ 2 + (k * l * (lo^-1 - hi^-1)) ^+ 2 = k ^+ 2 * lo^-1 ^+ 2 + l ^+ 2 * hi^-1 ^+ 2.
  transitivity ((k ^+ 2 + l ^+ 2) * (k ^+ 2 * lo^-1 ^+ 2 + l ^+ 2 * hi^-1 ^+ 2)); first by ring.
  by rewrite kl mul1r.
have h2 : (k * l * (lo^-1 - hi^-1)) ^+ 2 + (l ^+ 2 * lo^-1 + k ^+ 2 * hi^-1) ^+ 2 = l ^+ 2 * lo^-1 ^+ 2 + k ^+ 2 * hi^-1 ^+ 2.
  transitivity ((k ^+ 2 + l ^+ 2) * (l ^+ 2 * lo^-1 ^+ 2 + k ^+ 2 * hi^-1 ^+ 2)); first by ring.
  by rewrite kl mul1r.
have g2 : (k * l * (lo^-1 - hi^-1) * (k ^+ 2 * lo^-1 + l ^+ 2 * hi^-1 + (l ^+ 2 * lo^-1 + k ^+ 2 * hi^-1))) ^+ 2
  = k ^+ 2 * l ^+ 2 * (lo^-1 ^+ 2 - hi^-1 ^+ 2) ^+ 2.
  transitivity ((k ^+ 2 + l ^+ 2) ^+ 2 * (k ^+ 2 * l ^+ 2 * (lo^-1 ^+ 2 - hi^-1 ^+ 2) ^+ 2)); first by ring.
  by rewrite kl expr1n mul1r.
rewrite f2 h2 in ex ez exz.
have {}exz : dot X Z = s * T.
  rewrite exz ps qs kk ll /T /t; field; by rewrite !gt_eqF.
have prod : dot X X * dot Z Z = T ^+ 2.
  rewrite ex ez; set g := _ * (_ + _) in g2 *.
  transitivity ((p ^+ 2 * (k ^+ 2 * lo^-1 ^+ 2 + l ^+ 2 * hi^-1 ^+ 2) + q ^+ 2 * (l ^+ 2 * lo^-1 ^+ 2 + k ^+ 2 * hi^-1 ^+ 2)) ^+ 2
    - 4 * p ^+ 2 * q ^+ 2 * g ^+ 2); first by ring.
  by rewrite g2 ps qs kk ll /T /t; field; rewrite !gt_eqF.
split; [exact: rotated_inverse|exact: rotated_inverse|].
rewrite /sim exz -/s; have -> : norm X * norm Z = T by rewrite /norm -sqrtrM ?dot_ge0 // prod sqrtr_sqr gtr0_norm.
by field; rewrite gt_eqF.
Qed.

Theorem prop_1_weights_holds : prop_1_weights R.
Proof.
split=> [c d W W' x1 x2 x1' x2' a b a' b' _ _ _ _ _ h1 h2 h1' h2' hs hr hr' ha hb ha' hb'|s a b a' b' hs a0 b0 ab a0' b0' ab'].
  have [K [e0 [he0 H]]] := lora_delta h1 h2 h1' h2' hs (fun e M e0 hM => gradient_weights hr ha hb h1 h2 e0 hM)
    (fun e M e0 hM => gradient_weights hr' ha' hb' h1' h2' e0 hM).
  by exists K, e0; split=> // r A B e he hM; exact: H.
have [p [q [p0 q0 circle es]]] := half_angle hs.
have [W [x [z [[xW zW sxz] [rW aW bW dl]]]]] := of_weights p0 q0 circle a0 ab.
have [W' [x' [z' [[xW' zW' sxz'] [rW' aW' bW' dl']]]]] := of_weights p0 q0 circle a0' ab'.
have [o1 o2 _ _] := @plane_nonzero R p q p0.
have [sy _] := plane_sim circle; rewrite es in sy sxz sxz'.
have sn : sine (y1 p q) (y2 p q) = 2 * p * q by exact: sine_y.
have sn' : sine (- y1 p q) (- y2 p q) = 2 * p * q by rewrite /sine sim_negated.
have pq : 0 < 2 * p * q by rewrite !mulr_gt0.
have nz (y : 'rV[R]_2) (V : 'M[R]_2) : y *m V != 0 -> y != 0.
  by apply: contraNneq => ->; rewrite mul0mx.
have form (u v : R) : 0 < u -> 0 < v -> 0 < (2 * p * q) ^+ 2 * (1 / u + 1 / v).
  by move=> u0 v0; apply: mulr_gt0; [exact: exprn_gt0|apply: addr_gt0; exact: divr_gt0].
exists 2, 2, W, (- W'), x, z, x', z', a, b, a', b'; rewrite !mulmxN xW zW xW' zW' !oppr_eq0 sim_negated sxz sxz' sy.
rewrite (nz x W) ?xW // (nz z W) ?zW // (nz x' W') ?xW' // (nz z' W') ?zW' // o1 o2.
have rN : \rank (- W') = 2 by rewrite mxrank_opp.
do 10 (split=> //); split; first exact: rW; split; first exact: rN; split; first exact: aW; split; first exact: bW.
split; first exact: singularN; split; first exact: singularN; do 5 (split=> //).
rewrite sn sn' mul1r; split.
  by apply: addr_gt0; exact: form.
move=> C K e0 h0 H; apply: (@needs_all R 2 2 W (- W') (diag2 1 (-1)) x z x' z' _ _ C K e0);
  rewrite ?mulmxN ?xW ?zW ?xW' ?zW' ?oppr_eq0 ?sim_negated ?o1 ?o2 //; first exact: diag2_spectral.
by rewrite delta_negated // dl'.
Qed.
End HoldsWeights.
