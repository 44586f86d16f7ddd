(* Prop. 1 as the claims state it. *)
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype finfun bigop order.
From mathcomp Require Import ssralg ssrnum zmodp matrix mxalgebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary Rows Layers Statements Lemma1.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(* prop-1-sharp: the bound, and for all values of its parameters an instance that needs all of it. *)
Module HoldsSharp.
Import Norms Cosine FirstOrder Output Plane Gradient Lora Mirrored.
Section HoldsSharp.
Variable R : rcfType.

Theorem prop_1_sharp_holds : prop_1_sharp R.
Proof.
rewrite /prop_1_sharp; named.
split=> [c d W W' x1 x2 x1' x2' n1 n2 n1' n2' _ h1 h2 h1' h2' hs|s cx a b a' b' hs hcx a0 b0 a0' b0'].
  have [K [e0 [he0 H]]] := lora_delta h1 h2 h1' h2' hs (fun e M e0 hM => gradient_data n1 n2 h1 h2 e0 hM erefl erefl)
    (fun e M e0 hM => gradient_data n1' n2' h1' h2' e0 hM erefl erefl).
  by exists K, e0; split=> // r A B e he hM; exact: H.
have [p [q [p0 q0 circle es]]] := half_angle hs.
have [W [x [z [[xW zW nx nz sxz] dl]]]] := of_data p0 q0 circle hcx a0 b0.
have [W' [x' [z' [[xW' zW' nx' nz' sxz'] dl']]]] := of_data p0 q0 circle hcx a0' b0'.
have [o1 o2 _ _] := @plane_nonzero R p q p0; have [l1 l2] := norm_y circle.
have [sy _] := plane_sim circle; rewrite es in sy dl dl'.
have sn : sine (y1 p q) (y2 p q) = 2 * p * q by exact: sine_y.
have nz0 (y : 'rV[R]_2) t : 0 < t -> norm y = t -> y != 0.
  by move=> t0 e; apply/eqP => y0; rewrite y0 /norm dot0l sqrtr0 in e; rewrite -e ltxx in t0.
have sn' : sine (- y1 p q) (- y2 p q) = 2 * p * q by rewrite /sine sim_negated.
have pq : 0 < 2 * p * q by rewrite !mulr_gt0.
have form (u v : R) : 0 < u -> 0 < v -> 0 < 2 * p * q * Num.sqrt ((u - v) ^+ 2
    + 2 * u * v * (1 - (cx * s - Num.sqrt (1 - cx ^+ 2) * (2 * p * q)))).
  move=> u0 v0; rewrite mulr_gt0 // sqrtr_gt0; apply: ltr_wpDl; first exact: sqr_ge0.
  rewrite !mulr_gt0 // subr_gt0; have hpq : 0 < Num.sqrt (1 - cx ^+ 2) * (2 * p * q).
    by rewrite mulr_gt0 // sqrtr_gt0; case/andP: hcx => *; nra.
  by case/andP: hs => *; case/andP: hcx => *; nra.
have sx : sine x z = Num.sqrt (1 - cx ^+ 2) by rewrite /sine sxz.
have sx' : sine x' z' = Num.sqrt (1 - cx ^+ 2) by rewrite /sine sxz'.
have [f1 f2] := (form a b a0 b0, form a' b' a0' b0').
exists 2, 2, W, (- W'), x, z, x', z'; rewrite !mulmxN xW zW xW' zW' !oppr_eq0 sim_negated !normN l1 l2 sxz sxz' sy nx nz nx' nz' !divr1.
rewrite (nz0 _ _ a0 nx) (nz0 _ _ b0 nz) (nz0 _ _ a0' nx') (nz0 _ _ b0' nz') o1 o2; do 16 (split=> //).
rewrite sn sn' sx sx' !mul1r; split; first exact: addr_gt0.
move=> C K e0 h0 H; apply: (@needs_all R 2 2 W (- W') (diag2 1 (-1)) x z x' z' _ _ C K e0);
  rewrite ?mulmxN ?xW ?zW ?xW' ?zW' ?oppr_eq0 ?sim_negated ?o1 ?o2 //; first exact: diag2_spectral.
by rewrite delta_negated // dl'.
Qed.
End HoldsSharp.
End HoldsSharp.

(* prop-1-sine: the bound with the sine, and an instance that needs all of it. *)
Module HoldsSine.
Import Norms Cosine FirstOrder Holds1.
Section HoldsSine.
Variable R : rcfType.

Definition unit4 (k : nat) : 'rV[R]_4 := \row_j ((j : nat) == k)%:R.
(* 1 <-> 2, and 3 <-> 4 with the other sign *)
Definition swap4 : 'M[R]_4 := \matrix_(i, j)
  (if ((i : nat), (j : nat)) \in [:: (0, 1); (1, 0)]%N then 1 else
   if ((i : nat), (j : nat)) \in [:: (2, 3); (3, 2)]%N then -1 else 0).

Ltac coordinates := rewrite /dot !big_ord_recl big_ord0 !mxE /=; ring.
Lemma dot4 k l : (k < 4)%N -> (l < 4)%N -> dot (unit4 k) (unit4 l) = (k == l)%:R.
Proof. by case: k => [|[|[|[|k]]]] //; case: l => [|[|[|[|l]]]] // _ _; coordinates. Qed.
Lemma norm4 k : (k < 4)%N -> norm (unit4 k) = 1.
Proof. by move=> h; rewrite /norm dot4 // eqxx sqrtr1. Qed.
Lemma neq4 k : (k < 4)%N -> unit4 k != 0.
Proof. by move=> h; apply/eqP => z; have := norm4 h; rewrite z /norm dot0l sqrtr0 => /eqP; rewrite eq_sym oner_eq0. Qed.
Lemma swapE (x : 'rV[R]_4) : x *m swap4 = \row_j [:: x 0 1; x 0 0; - x 0 3%:R; - x 0 2%:R]`_j.
Proof.
apply/rowP => j; rewrite !mxE !big_ord_recl big_ord0 !mxE.
have e k l (p : (k < 4)%N) (q : (l < 4)%N) : k = l -> Ordinal p = Ordinal q by move=> h; apply: val_inj.
case: j => [[|[|[|[|j]]]] hj] //=; rewrite ?(mulr0, mulr1, add0r, addr0, mulrN1, mulr1n, mulr0n) //;
  (congr (x 0 _) || congr (- x 0 _)); exact: val_inj.
Qed.
Lemma swap_square : swap4 *m swap4^T = 1%:M.
Proof.
apply/matrixP => -[[|[|[|[|i]]]] hi] -[[|[|[|[|j]]]] hj] //; rewrite !mxE !big_ord_recl big_ord0 !mxE /=; ring.
Qed.
Lemma swap_norm (x : 'rV[R]_4) : norm (x *m swap4) = norm x.
Proof. by rewrite /norm dot_mx -mulmxA swap_square mulmx1. Qed.
Lemma swapped k : (k < 4)%N -> unit4 k *m swap4 = nth 0 [:: unit4 1; unit4 0; - unit4 3; - unit4 2] k.
Proof.
move=> hk; rewrite swapE; apply/rowP => j; rewrite mxE.
case: k hk => [|[|[|[|k]]]] // _; case: j => [[|[|[|[|j]]]] hj] //; rewrite !mxE /= ?oppr0 //.
Qed.

Lemma delta_swap k l (s : R) : (k < 4)%N -> (l < 4)%N -> k != l ->
  unit4 k *m swap4 = s *: unit4 l -> unit4 l *m swap4 = s *: unit4 k ->
  delta (unit4 k) (unit4 l) (unit4 k *m swap4) (unit4 l *m swap4) = 2 * s.
Proof.
move=> hk hl kl -> ->; rewrite /delta /sim !dotZl !dotZr !norm4 // !dot4 // !eqxx (negbTE kl) [l == k]eq_sym (negbTE kl) /=.
by field.
Qed.

Theorem prop_1_sine_holds : prop_1_sine R.
Proof.
split=> [c d W W' x1 x2 x1' x2' _ _ _ _ _ h1 h2 h1' h2' hs|].
  have [K [e0 [he0 H]]] := lora_sine h1 h2 h1' h2' hs; exists K, e0; split=> // r A B e he hM _ _ _ _.
  by apply: (le_trans (H e _ he hM)); rewrite lerD2r mulrC.
have z k l : (k < 4)%N -> (l < 4)%N -> k != l -> sim (unit4 k) (unit4 l) = 0.
  by move=> hk hl kl; rewrite /sim dot4 // (negbTE kl) mul0r.
have sn k l : (k < 4)%N -> (l < 4)%N -> k != l -> sine (unit4 k) (unit4 l) = 1.
  by move=> hk hl kl; rewrite /sine z // expr0n subr0 sqrtr1.
exists 4%N, 4%N, 1%:M, 1%:M, (unit4 0), (unit4 1), (unit4 2), (unit4 3); rewrite !mulmx1 !neq4 // !z // !sn // !norm4 //.
do 10 (split=> //); split; first by lra.
move=> C K e0 h0 H; have -> : 1 * (1 * (1 / 1 + 1 / 1) + 1 * (1 / 1 + 1 / 1)) = 4 :> R by field.
have d1 : delta (unit4 0) (unit4 1) (unit4 0 *m swap4) (unit4 1 *m swap4) = 2 * 1.
  by apply: delta_swap => //; rewrite swapped // scale1r.
have d2 : delta (unit4 2) (unit4 3) (unit4 2 *m swap4) (unit4 3 *m swap4) = 2 * -1.
  by apply: delta_swap => //; rewrite swapped // scaleN1r.
have -> : 4 = `|delta (unit4 0) (unit4 1) (unit4 0 *m swap4) (unit4 1 *m swap4)
  - delta (unit4 2) (unit4 3) (unit4 2 *m swap4) (unit4 3 *m swap4)| by rewrite d1 d2 ger0_norm; lra.
apply: (criterion (K := K) (e0 := e0)); rewrite ?neq4 ?z // => e /andP[e1 e2].
have step k : (k < 4)%N -> unit4 k + e *: (unit4 k *m swap4) = unit4 k *m (1%:M + e%:M *m swap4).
  by move=> hk; rewrite mulmxDr mulmx1 mul_scalar_mx -scalemxAr.
have inv k : (k < 4)%N -> unit4 k *m (1%:M + e%:M *m swap4) != 0.
  move=> hk; rewrite -step //; have : dot (unit4 k) (unit4 k + e *: (unit4 k *m swap4)) = 1.
    rewrite dotDr dotZr dot4 // eqxx swapped //; case: k hk => [|[|[|[|k]]]] // _ /=; rewrite ?dotNr dot4 //=; ring.
  by move=> h; apply/eqP => zz; move: h; rewrite zz dotC dot0l => /eqP; rewrite eq_sym oner_eq0.
rewrite !step //; apply: H; rewrite ?e1 ?e2 ?inv // => x.
by rewrite mul_scalar_mx -scalemxAr normZ swap_norm gtr0_norm.
Qed.
End HoldsSine.
End HoldsSine.

(* prop-1-weights: layers with given singular values whose inputs and outputs have one cosine. *)
Module HoldsWeights.
Import Norms Cosine FirstOrder Output Plane Gradient Singular Lora Mirrored.
Section HoldsWeights.
Variable R : rcfType.

Lemma singularN k c d (W : 'M[R]_(c,d)) a : singular k W a -> singular k (- W) a.
Proof.
have st b m n (V : 'M[R]_(m, n)) : stretched_le k b V -> stretched_le k b (- V).
  by move=> [X hX h]; exists X => // x; rewrite mulmxN normN; exact: h.
have wd b (V : 'M[R]_(c, d)) : wide (stretched_le k b) V -> wide (stretched_le k b) (- V).
  by rewrite /wide; case: ifP => _; rewrite ?linearN /=; exact: st.
by move=> [a0 ha least]; split=> // [|b b0 /wd]; [exact: wd|rewrite opprK; exact: least].
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
apply/singular_rows => //; split; first exact: ltW.
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
apply/singular_rows => //; split; first exact: ltW.
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
by apply: (full_rank lo0) => x; apply: (least_stretch _ (leqnn 2)); exact: rotated_low.
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
End HoldsWeights.
