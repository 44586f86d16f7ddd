(* Props. 1 and 2 as the claims state them. *)
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype finfun bigop order.
From mathcomp Require Import ssralg ssrnum zmodp matrix mxalgebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary Rows Functions Layers Statements Lemmas.
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

(* Prop. 2, output adaptation, as the claims state it, with what attains the bounds. *)
Module HoldsOutput.
Import Norms Cosine FirstOrder Output Plane Singular.
Section HoldsOutput.
Variable R : rcfType.

Theorem prop_2_output_abs_holds : prop_2_output_abs R.
Proof.
move=> b c d W W' x1 x2 x1' x2' _ _ _ _ _ h1 h2 h1' h2' hs; exists 0, (1/2); split; first by lra.
move=> r A B e /andP[e0 e1] hM _ _ _ _; have he : 0 <= e < 1 by lra.
apply: le_trans (output_finite he hM h1 h2 h1' h2' hs) _.
have [t0 t1 t2] := tau_bounds he; have ht : 0 <= tau e < 1 by rewrite t0.
have [h _] := gap_le (simP (x1 *m W) (x2 *m W)) ht; have := normr_ge0 (sim (x1 *m W) (x2 *m W)); nra.
Qed.

Theorem prop_2_output_sharp_holds : prop_2_output_sharp R.
Proof.
split=> [b c d W W' x1 x2 x1' x2' _ _ _ _ _ h1 h2 h1' h2' hs|s hs].
  exists 16, (1/2); split; first by lra.
  move=> r A B e /andP[e0 e1] hM _ _ _ _; have he : 0 <= e < 1 by lra.
  apply: le_trans (output_finite he hM h1 h2 h1' h2' hs) _.
  have he' : 0 <= e <= 1 / 2 by lra.
  apply: (le_trans (tau_cube (simP _ _) he')).
  by rewrite !sine_sq // -hs; lra.
have [p [q [p0 q0 pq hs']]] := half_angle hs.
have [n1 n2 n3 n4] := @plane_nonzero R p q p0; have [s1 s2] := @plane_sim R p q pq; rewrite hs' in s1 s2.
exists 2%N, 2%N, 2%N, 1%:M, 1%:M, (y1 p q), (y2 p q), (y1' p q), (y2' p q); rewrite !mulmx1 s1 s2.
do 11 (split=> //); rewrite !sine_sq // s1 s2.
have /andP[sl su] := hs; have k0 : 0 < 1 - s ^+ 2 by nra.
split=> [|C K e0 he0 H]; first by lra.
rewrite leNgt; apply/negP => hlt; pose t := (4 * (1 - s ^+ 2) - C) / 6.
have ht : 0 < t by rewrite /t; lra.
have he1 : 0 < Num.min e0 (1 / 2) by rewrite lt_min he0; lra.
have [e [e_gt e_le e_t hKe]] := small K he1 ht; move: e_le; rewrite le_min => /andP[e_e0 e_half].
have he : 0 < e < 1 by lra.
have [m1 m2 m3 m4] := plane_moved_nonzero p0 q0 he.
have hb : spectral_le (diag2 e (- e) *m 1%:M) e by rewrite mulmx1; apply: diag2_spectral; exact: ltW.
have hee : 0 < e <= e0 by rewrite e_gt.
have := H _ _ 1%:M e hee hb; rewrite mulmx1 => /(_ m1 m2 m3 m4); rewrite plane_gap // hs' /gap => k.
clear - e_gt he hKe e_t hlt k k0.
have [t0 t1 t2] := @tau_bounds R e ltac:(lra).
have d0 : 0 < 1 + e ^+ 2 by have := sqr_ge0 e; lra.
have te : tau e * (1 + e ^+ 2) = 2 * e by rewrite /tau divfK // gt_eqF.
have te' : 2 * e * (1 - e ^+ 2) <= tau e.
  rewrite -(ler_pM2r d0) te; have := mulr_ge0 (ltW e_gt) (mulr_ge0 (sqr_ge0 e) (sqr_ge0 e)); lra.
have st : 0 < 1 - s ^+ 2 * tau e ^+ 2 by have := sqr_ge0 s; have := sqr_ge0 (tau e); nra.
have low : 2 * tau e * (1 - s ^+ 2) <= C * e + K * e ^+ 2.
  apply: le_trans k; rewrite ler_pdivlMr //.
  have x0 : 0 <= 2 * tau e * (1 - s ^+ 2) by apply: mulr_ge0; [lra|exact: ltW].
  have y0 : 0 <= s ^+ 2 * tau e ^+ 2 by rewrite mulr_ge0 ?sqr_ge0.
  by rewrite mulrBr mulr1 lerBlDr lerDl mulr_ge0.
have fin : 4 * (1 - s ^+ 2) * (1 - e ^+ 2) <= C + K * e.
  by rewrite -(ler_pM2l e_gt); have := ler_wpM2l (ltW k0) te'; lra.
have e2 : (1 - s ^+ 2) * e ^+ 2 <= t.
  by apply: le_trans e_t; have := mulr_ge0 (sqr_ge0 s) (sqr_ge0 e); nra.
by rewrite /t in hKe e2 *; lra.
Qed.

Theorem prop_2_output_finite_holds : prop_2_output_finite R.
Proof.
rewrite /prop_2_output_finite; named.
split=> [b c d W W' x1 x2 x1' x2' _ _ _ _ _ h1 h2 h1' h2' hs r A B e e0 hM e1 _ _ _ _|s eps hs he].
  have he : 0 <= e < 1 by rewrite e0.
  have [t0 t1 _] := tau_bounds he; have ht : 0 <= tau e < 1 by rewrite t0.
  apply: (le_trans (output_finite he hM h1 h2 h1' h2' hs)).
  by rewrite !sine_sq // -hs maxxx (gap_halves (simP _ _) ht).
have [p [q [p0 q0 pq hs']]] := half_angle hs.
have [n1 n2 n3 n4] := @plane_nonzero R p q p0; have [s1 s2] := @plane_sim R p q pq; rewrite hs' in s1 s2.
have /andP[e0 e1] := he.
have [m1 m2 m3 m4] := plane_moved_nonzero p0 q0 he.
have hb : spectral_le (diag2 eps (- eps) *m 1%:M) eps by rewrite mulmx1; apply: diag2_spectral; lra.
exists 2%N, 2%N, 2%N, 1%:M, 1%:M, (y1 p q), (y2 p q), (y1' p q), (y2' p q), 2%N, (diag2 eps (- eps)), 1%:M, eps.
rewrite !mulmx1 s1 s2; do 10 (split=> //); split; first by lra.
split; first by rewrite mulmx1 in hb.
split; first by lra.
do 6 (split=> //); rewrite plane_gap // hs' !sine_sq // s1 s2 maxxx.
have he' : 0 <= eps < 1 by lra.
have [t0 t1 _] := tau_bounds he'; have ht : 0 <= tau eps < 1 by rewrite t0.
have hs1 : -1 <= s <= 1 by lra.
rewrite -[2 * eps / _]/(tau eps) -gap_halves //; split=> //; rewrite /gap.
have tp : 0 < tau eps by rewrite /tau divr_gt0 //; have := sqr_ge0 eps; lra.
have st : 0 < 1 - s ^+ 2 * tau eps ^+ 2.
  have [g1 g2 _] := gapE hs1 ht; have -> : 1 - s ^+ 2 * tau eps ^+ 2 = (1 + s * tau eps) * (1 - s * tau eps) by ring.
  exact: mulr_gt0.
apply: divr_gt0 => //; apply: mulr_gt0; first by apply: mulr_gt0.
by have /andP[sl su] := hs; nra.
Qed.

Theorem prop_2_output_artanh_holds : prop_2_output_artanh R.
Proof.
split=> [b c d W W' x1 x2 x1' x2' h1 h2 h1' h2' hs hp r A B k _ _ _ [[lo hi] /=]|s kappa hs k1].
  rewrite wide_rows // => -[l0 hst [x xn hx] _] -> _ _.
  have px := norm_gt0 xn; have h0 : 0 <= hi.
    have /andP[_] := hst x; rewrite hx ler_pM2r // => h; by lra.
  have low (z : 'rV_d) : lo * norm z <= norm (z *m (1%:M + A *m B)) by have /andP[] := hst z.
  have up : spectral_le (1%:M + A *m B) hi by move=> z; have /andP[] := hst z.
  by split; apply: artanh_shift1.
have [p [q [p0 q0 pq hs']]] := half_angle hs.
have [n1 n2 n3 n4] := @plane_nonzero R p q p0; have [s1 s2] := @plane_sim R p q pq; rewrite hs' in s1 s2.
pose e := (kappa - 1) / (kappa + 1); have kk : 0 < kappa + 1 by lra.
have e0 : 0 < e by rewrite divr_gt0 //; lra.
have e1 : e < 1 by rewrite ltr_pdivrMr //; lra.
have ek : (1 + e) / (1 - e) = kappa.
  by rewrite /e; field; rewrite !gt_eqF //; lra.
have he : 0 < e < 1 by rewrite e0.
have [m1 m2 m3 m4] := plane_moved_nonzero p0 q0 he.
have hb : spectral_le (diag2 e (- e)) e by apply: diag2_spectral; lra.
have low (z : 'rV[R]_2) : (1 - e) * norm z <= norm (z *m (1%:M + diag2 e (- e))).
  by have := one_plus_low hb z; lra.
have up (z : 'rV[R]_2) : norm (z *m (1%:M + diag2 e (- e))) <= (1 + e) * norm z.
  by have := one_plus_up hb z; lra.
exists 2%N, 2%N, 2%N, 1%:M, 1%:M, (y1 p q), (y2 p q), (y1' p q), (y2' p q), 2%N, (diag2 e (- e)), 1%:M, kappa.
rewrite !mulmx1 s1 s2; do 5 (split=> //).
have /andP[sl su] := hs.
have sn : 0 < Num.sqrt (1 - s ^+ 2) by rewrite sqrtr_gt0; nra.
split; first by rewrite /sine s1 s2 minxx.
have half0 : 0 < 1 - e by lra.
split; first exact: (full_rank half0 low).
split.
  exists (1 - e, 1 + e); last by rewrite /= ek.
  split=> /=; first by lra.
  - by move=> z; rewrite low up.
  - exists (row2 0 1); first by rewrite row2_neq0' // oner_eq0.
    rewrite mulmxDr mulmx1 row2_diag row2D /norm !dot2 -[1 - e in RHS]ger0_norm; last by lra.
    by rewrite -sqrtr_sqr -sqrtrM ?sqr_ge0 //; congr Num.sqrt; field.
  exists (row2 1 0); first by rewrite row2_neq0 // oner_eq0.
  rewrite mulmxDr mulmx1 row2_diag row2D /norm !dot2 -[1 + e in RHS]ger0_norm; last by lra.
  by rewrite -sqrtr_sqr -sqrtrM ?sqr_ge0 //; congr Num.sqrt; field.
do 4 (split=> //); have [-> _] := @moved_plane R p q e.
have P0 : 0 < p ^+ 2 by rewrite exprn_gt0. have Q0 : 0 < q ^+ 2 by rewrite exprn_gt0.
move: (p ^+ 2) (q ^+ 2) P0 Q0 pq hs' => P Q P0 Q0 pq <-.
clear - he P0 Q0 pq ek half0 k1.
have a0 : 0 < P * (1 + e) ^+ 2 by rewrite mulr_gt0 // exprn_gt0 //; lra.
have b0 : 0 < Q * (1 - e) ^+ 2 by rewrite mulr_gt0 // exprn_gt0.
have d0 : 0 < P * (1 + e) ^+ 2 + Q * (1 - e) ^+ 2 by rewrite addr_gt0.
split; [|lra|lra|].
  by rewrite ltr_pdivlMr // ltr_pdivrMr //; lra.
apply: ratio; first by rewrite gt_eqF.
have eQ : Q = 1 - P by lra.
by rewrite -ek eQ; field; rewrite gt_eqF.
Qed.
End HoldsOutput.
End HoldsOutput.

(* Prop. 2, input adaptation, as the claims state it: the sharp bounds. *)
Module HoldsInput.
Import Norms Cosine FirstOrder Output Input Plane Singular Halves InputAttained Logarithm.
Section HoldsInput.
Variable R : rcfType.

Lemma muE (k e : R) : (k + 1 / k) / 2 * e + Num.sqrt (1 + (((k + 1 / k) / 2) ^+ 2 - 1) * e ^+ 2) = mu k e.
Proof. by rewrite /mu /mean div1r. Qed.
Lemma cond_stretch c d (W : 'M[R]_(c, d)) k : \rank W = c -> cond W k -> exists lo hi,
  [/\ 0 < lo, lo <= hi, forall x : 'rV_c, lo * norm x <= norm (x *m W) <= hi * norm x & k = hi / lo].
Proof.
move=> /full_wide cd [[lo hi] /=]; rewrite wide_rows // => -[l0 hst [x xn hx] _] ->; exists lo, hi; split=> //.
by have /andP[_] := hst x; rewrite hx ler_pM2r // norm_gt0.
Qed.

Theorem prop_2_input_finite_sharp_holds : prop_2_input_finite_sharp R.
Proof.
rewrite /prop_2_input_finite_sharp; named.
split=> [c d e W W' x1 x2 x1' x2' k k' _ _ _ _ _ h1 h2 h1' h2' _ hr hr' _ hk hk' r A B eps e0 hM e1 _ _ _ _|s k eps hs hk he].
  have he : 0 <= eps < 1 by rewrite e0.
  have [lo [hi [l0 lh st ->]]] := cond_stretch hr hk; have [lo' [hi' [l0' lh' st' ->]]] := cond_stretch hr' hk'.
  by rewrite !muE; split; apply: input_shift.
have [p [q [p0 q0 pq hs']]] := half_angle hs; have /andP[e0 e1] := he.
have [o1 o2] := axis_outputs hk p q eps; have [n0 s1] := axis_rows hk pq he; rewrite hs' in s1.
have [z1 z2] := axis_nonzero hk pq he; have [y1n y2n] := axis_outputs_nonzero hk pq he.
have half : 0 <= eps < 1 by lra.
have m1 := @adapted_nonzero R 1 k hk _ _ half z1; have m2 := @adapted_nonzero R 1 k hk _ _ half z2.
exists 2%N, 2%N, 2%N, (stretched 1 k), (stretched 1 k), (axis1 k p q eps), (axis2 k p q eps),
  (axis1 k p q eps), (axis2 k p q eps), k, 2%N, (eps *: swap R 1), 1%:M, eps.
rewrite !mulmx1 o1 o2 s1 muE; do 10 (split=> //).
have /andP[sl su] := hs.
have sn : 0 < Num.sqrt (1 - s ^+ 2) by rewrite sqrtr_gt0; nra.
do 2 (split; first exact: (@stretched_rank R 1)).
split; first by rewrite /sine s1 minxx.
split; first exact: (@stretched_cond R 1 k hk 1 (oner_neq0 _)).
split; first by lra.
split; first by apply: (@swap_spectral R 1); lra.
split; first by lra. do 5 (split=> //).
by have := axis_apart hk p0 q0 pq he; rewrite hs'.
Qed.

(* tanh L <= 2 K e *)
Lemma tanh_le (k e : R) : 1 <= k -> 0 <= e < 1 ->
  let Q := mu k e ^+ 2 / (1 - e ^+ 2) in 1 <= Q /\ (Q ^+ 2 - 1) / (Q ^+ 2 + 1) <= 2 * mean k * e.
Proof.
move=> k1 /andP[e0 e1] /=; have k0 : 0 < k by lra.
have K1 : 1 <= mean k.
  have ek : mean k - 1 = (k - 1) ^+ 2 / (2 * k) by rewrite /mean; field; rewrite gt_eqF.
  by rewrite -subr_ge0 ek divr_ge0 ?sqr_ge0 //; lra.
have D0 : 0 < 1 - e ^+ 2 by nra.
set x := mean k * e; have x0 : 0 <= x by rewrite /x mulr_ge0 //; lra.
set r := Num.sqrt (1 + (mean k ^+ 2 - 1) * e ^+ 2).
have rad : 1 <= 1 + (mean k ^+ 2 - 1) * e ^+ 2 by rewrite lerDl mulr_ge0 ?sqr_ge0 //; nra.
have rr : r ^+ 2 = 1 + x ^+ 2 - e ^+ 2 by rewrite /r sqr_sqrtr /x; [ring|lra].
have r1 : 1 <= r by rewrite -[X in X <= _]sqrtr1 /r ler_wsqrtr.
have -> : mu k e = x + r by [].
have DE : 1 - e ^+ 2 = (r - x) * (r + x) by lra.
have pr : 0 < (r - x) * (r + x) by rewrite -DE.
have sum0 : 0 < r + x by lra.
have rx : 0 < r - x by rewrite -(pmulr_lgt0 _ sum0).
have -> : (x + r) ^+ 2 / (1 - e ^+ 2) = (r + x) / (r - x) by rewrite DE; field; rewrite !gt_eqF //; lra.
split; first by rewrite ler_pdivlMr //; lra.
have den : 0 < ((r + x) / (r - x)) ^+ 2 + 1 by have := sqr_ge0 ((r + x) / (r - x)); lra.
have -> : (((r + x) / (r - x)) ^+ 2 - 1) / (((r + x) / (r - x)) ^+ 2 + 1) = 2 * r * x / (r ^+ 2 + x ^+ 2).
  by field; rewrite !gt_eqF //; have := sqr_ge0 x; nra.
have pos : 0 < r ^+ 2 + x ^+ 2 by have := sqr_ge0 x; nra.
have -> : 2 * mean k * e = 2 * x by rewrite /x mulrA.
have h : 0 <= x * (r ^+ 2 + x ^+ 2 - r) by apply: mulr_ge0 => //; have := sqr_ge0 x; nra.
by rewrite ler_pdivrMr //; lra.
Qed.

Lemma mean_ge1 (k : R) : 1 <= k -> 1 <= mean k.
Proof.
move=> k1; have k0 : 0 < k by lra.
have ek : mean k - 1 = (k - 1) ^+ 2 / (2 * k) by rewrite /mean; field; rewrite gt_eqF.
by rewrite -subr_ge0 ek divr_ge0 ?sqr_ge0 //; lra.
Qed.

Lemma tanh_step (s S t b : R) : -1 <= s <= 1 -> 0 <= t -> t <= b -> b <= 1 / 2 -> S * (1 + s * t) <= s + t ->
  S - s <= (1 - s ^+ 2) * b + 2 * b ^+ 2.
Proof.
move=> /andP[s1 s2] t0 tb bh H.
have ss : 0 <= 1 - s ^+ 2 by nra.
have st : - t <= s * t by nra.
have pos : 0 < 1 + s * t by lra.
rewrite -(ler_pM2r pos).
have e : (S - s) * (1 + s * t) <= (1 - s ^+ 2) * t by lra.
apply: (le_trans e).
have b0 : 0 <= b by lra.
have u1 : (1 - s ^+ 2) * t <= (1 - s ^+ 2) * b by rewrite ler_wpM2l.
have u2 : (1 - s ^+ 2) * b * (1 - b) <= (1 - s ^+ 2) * b * (1 + s * t) by rewrite ler_wpM2l ?mulr_ge0 //; lra.
have u3 : 2 * b ^+ 2 * (1/2) <= 2 * b ^+ 2 * (1 + s * t) by rewrite ler_wpM2l ?mulr_ge0 ?sqr_ge0 //; lra.
have u4 : (1 - s ^+ 2) * (b * b) <= b * b by have := mulr_ge0 (sqr_ge0 s) (mulr_ge0 b0 b0); lra.
lra.
Qed.
Lemma near_by (s S Q b : R) : -1 <= s <= 1 -> -1 <= S <= 1 -> 1 <= Q -> artanh_within S s Q ->
  (Q ^+ 2 - 1) / (Q ^+ 2 + 1) <= b -> b <= 1 / 2 -> `|S - s| <= (1 - s ^+ 2) * b + 2 * b ^+ 2.
Proof.
move=> hs hS hQ w tb bh; have [/andP[t0 _] a c] := shifted_interval hs hS hQ w.
move: (_ / _) tb t0 a c => t tb t0 a c.
have hs' : -1 <= - s <= 1 by lra.
have h1 := tanh_step hs t0 tb bh a.
have a' : (- S) * (1 + - s * t) <= - s + t by lra.
have h2 := tanh_step hs' t0 tb bh a'; rewrite sqrrN in h2.
by rewrite ler_norml; lra.
Qed.

Theorem prop_2_input_sharp_two_holds : prop_2_input_sharp_two R.
Proof.
split=> [c d e W W' x1 x2 x1' x2' k k' _ _ _ _ _ h1 h2 h1' h2' hs hr hr' hk hk'|s k k' hs hk hk'].
  have [lo [hi [l0 lh st ek]]] := cond_stretch hr hk; have [lo' [hi' [l0' lh' st' ek']]] := cond_stretch hr' hk'.
  have k1 : 1 <= k by rewrite ek ler_pdivlMr // mul1r.
  have k1' : 1 <= k' by rewrite ek' ler_pdivlMr // mul1r.
  have K1 := mean_ge1 k1; have K1' := mean_ge1 k1'.
  have m1 : 0 < 4 * (mean k + mean k') by lra.
  exists (8 * (mean k ^+ 2 + mean k' ^+ 2)), (1 / (4 * (mean k + mean k'))); split; first by rewrite divr_gt0.
  move=> r A B eps /andP[e0]; rewrite ler_pdivlMr // => e1 hM _ _ _ _.
  have pk : 0 <= mean k * eps by rewrite mulr_ge0 // ?(ltW e0) //; lra.
  have pk' : 0 <= mean k' * eps by rewrite mulr_ge0 // ?(ltW e0) //; lra.
  have he : 0 <= eps < 1 by rewrite (ltW e0) /=; nra.
  have g := input_shift l0 lh st he hM h1 h2; have g' := input_shift l0' lh' st' he hM h1' h2'.
  rewrite -ek in g; rewrite -ek' -hs in g'.
  have [q1 t1] := tanh_le k1 he; have [q1' t1'] := tanh_le k1' he.
  have b := near_by (simP _ _) (simP _ _) q1 g t1 ltac:(lra).
  have b' := near_by (simP _ _) (simP _ _) q1' g' t1' ltac:(lra).
  rewrite !sine_sq // -hs /mean in b b' *; move: (sim (x1 *m W) (x2 *m W)) b b' => s0.
  move: (sim _ _) (sim (x1' *m _ *m W') _) => S S' b b'.
  have -> : S - S' = (S - s0) - (S' - s0) by ring.
  apply: (le_trans (ler_normB _ _)); apply: (le_trans (lerD b b')); rewrite !div1r.
  clear; move: (k^-1) (k'^-1) => i i'; lra.
have [p [q [p0 q0 pq hs']]] := half_angle hs.
set u := row2 p q; set v := row2 p (- q).
have uu : dot u u = 1 by rewrite dot2 -pq; ring.
have vv : dot v v = 1 by rewrite dot2 -pq; ring.
have uv : dot u v = s by rewrite dot2 -hs'; ring.
have un : u != 0 by rewrite row2_neq0 // gt_eqF.
have [o1 o2] := halves_outputs hk u v 1; have [o3 o4] := halves_outputs hk' u v (-1).
have [n1 n2] := halves_nonzero uu vv (1 / k); have [n3 n4] := halves_nonzero uu vv (-1 / k').
have [z1 z2] := halves_nonzero uu vv 1; have [z3 z4] := halves_nonzero uu vv (-1).
exists (2 + 2)%N, (2 + 2)%N, (2 + 2)%N, (stretched 2 k), (stretched 2 k'), (one u v (1 / k)), (two u v (1 / k)),
  (one u v (-1 / k')), (two u v (-1 / k')), k, k'.
rewrite o1 o2 o3 o4 !halves_sim // uv; do 10 (split=> //).
do 2 (split; first exact: stretched_rank); do 2 (split; first exact: stretched_cond un).
do 3 (split=> //); rewrite !sine_sq // !halves_sim // uv mul1r.
have /andP[sl su] := hs; have sq : 0 < 1 - s ^+ 2 by nra.
have pos x : 1 <= x -> 0 < x + 1 / x by move=> x1; rewrite addr_gt0 ?divr_gt0 // (lt_le_trans ltr01 x1).
split=> [|C K e0 he0 H]; first by rewrite addr_gt0 // mulr_gt0 // pos.
rewrite -uv; apply: (input_slope hk hk' uu vv (K := K) he0) => e he e1; have /andP[e_gt _] := he.
have he' : 0 <= e < 1 by rewrite ltW.
have hb : spectral_le (e *: swap R 2 *m 1%:M) e by rewrite mulmx1; apply: swap_spectral; exact: ltW.
by have := H _ _ 1%:M e he hb; rewrite !mulmx1; apply; apply: adapted_nonzero.
Qed.
(* one k for both models is the case k' = k *)
Theorem prop_2_input_sharp_holds : prop_2_input_sharp R.
Proof. by have [bound sharp] := prop_2_input_sharp_two_holds; split=> // s k hs hk; exact: sharp. Qed.
(* |artanh S - artanh s| <= -(k + 1/k) ln(1 - e), from the sharp form *)
Theorem prop_2_input_finite_holds : prop_2_input_finite R.
Proof.
move=> full ln log c d e W W' x1 x2 x1' x2' k k' _ _ _ _ _ h1 h2 h1' h2' _ hr hr' hn hk hk' r A B eps e0 hM e1 _ _ _ _.
have he : 0 <= eps < 1 by rewrite e0.
have key m (V : 'M[R]_(c, m)) q x y : \rank V = c -> cond V q -> x *m V != 0 -> y *m V != 0 ->
    0 < sine (x *m V) (y *m V) ->
    `|artanh ln (sim (x *m (1%:M + A *m B) *m V) (y *m (1%:M + A *m B) *m V)) - artanh ln (sim (x *m V) (y *m V))|
    <= - ((q + 1 / q) * ln (1 - eps)).
  move=> hv hq hx hy hsn; have [lo [hi [l0 lh st ek]]] := cond_stretch hv hq.
  have q1 : 1 <= q by rewrite ek ler_pdivlMr // mul1r.
  have q0 : 0 < q by lra.
  have := input_shift l0 lh st he hM hx hy; rewrite -ek; have [m1 m2 _] := mu_spec q0 e0.
  have K1 := mean_ge1 q1; have K2 : q + 1 / q = 2 * mean q by rewrite /mean div1r; field; rewrite gt_eqF.
  have D0 : 0 < 1 - eps ^+ 2 by nra.
  pose s := Num.sqrt (1 - eps ^+ 2); have ss : s ^+ 2 = 1 - eps ^+ 2 by rewrite sqr_sqrtr // ltW.
  have s0 : 0 < s by rewrite sqrtr_gt0.
  have sle : s <= 1 by rewrite -[X in _ <= X]sqrtr1 ler_wsqrtr // gerBl sqr_ge0.
  move: (mu q eps) (mean q) m1 m2 K1 K2 => u K m1 m2 K1 ->.
  have u0 : s <= u by rewrite -(@ler_pXn2r _ 2) ?nnegrE ?(ltW s0) ?(ltW m2) // ss m1; have := mulr_ge0 (mulr_ge0 (le_trans ler01 K1) e0) (ltW m2); lra.
  have y1 : 1 <= u / s by rewrite ler_pdivlMr // mul1r.
  have z1 : 1 <= (1 + eps) / s by rewrite ler_pdivlMr // mul1r; lra.
  have e2 : 0 < 1 - eps by lra.
  have step : u / s - (u / s)^-1 = K * ((1 + eps) / s - ((1 + eps) / s)^-1).
    rewrite !invfM !invrK; apply: (@mulIf _ (u * s * (1 + eps))); first by rewrite !mulf_neq0 ?gt_eqF //; lra.
    have -> : (u / s - u^-1 * s) * (u * s * (1 + eps)) = (u ^+ 2 - s ^+ 2) * (1 + eps) by field; rewrite !gt_eqF.
    have -> : K * ((1 + eps) / s - (1 + eps)^-1 * s) * (u * s * (1 + eps)) = K * u * ((1 + eps) ^+ 2 - s ^+ 2).
      by field; rewrite !gt_eqF //; lra.
    by rewrite ss m1; ring.
  have main := slower full log K1 z1 y1 step.
  have zl : ln ((1 + eps) / s) <= - ln (1 - eps).
    rewrite -(lnV log e2); apply: (ln_mono log); first by lra.
    rewrite ler_pdivrMr // mulrC ler_pdivlMr //; have -> : (1 + eps) * (1 - eps) = s ^+ 2 by rewrite ss; ring.
    by rewrite expr2 ler_piMl // ltW.
  have main2 := le_trans main (ler_wpM2l (le_trans ler01 K1) zl).
  have QE : u ^+ 2 / (1 - eps ^+ 2) = (u / s) ^+ 2 by rewrite -ss exprMn exprVn.
  have us0 : 0 < u / s by rewrite divr_gt0.
  rewrite QE; set Q := (u / s) ^+ 2; have Q0 : 0 < Q by rewrite exprn_gt0.
  have lnQ : ln Q <= - (2 * K * ln (1 - eps)) by rewrite /Q (ln_sq log) //; lra.
  move: hsn; rewrite sqrtr_gt0.
  have /andP[a1 a2] := simP (x *m (1%:M + A *m B) *m V) (y *m (1%:M + A *m B) *m V); have /andP[b1 b2] := simP (x *m V) (y *m V).
  move: (sim (x *m (1%:M + A *m B) *m V) (y *m (1%:M + A *m B) *m V)) (sim (x *m V) (y *m V)) a1 a2 b1 b2.
  move=> S t a1 a2 b1 b2 pos [w1 w2]; clear - a1 a2 b1 b2 pos w1 w2 log lnQ Q0.
  have t1 : -1 < t < 1 by apply/andP; split; nra.
  case/andP: (t1) => t2 t3.
  have S1 : -1 < S < 1.
    rewrite /artanh_gap in w1 w2; rewrite !lt_neqAle a1 a2 !andbT; apply/andP; split; apply/eqP => z; move: w1 w2.
      by rewrite -z; lra.
    by rewrite z; lra.
  have k1 := artanh_le log S1 t1 Q0 w1; have k2 := artanh_le log t1 S1 Q0 w2.
  by rewrite ler_norml; lra.
rewrite lt_min in hn; case/andP: hn => n1 n2.
by split; apply: key.
Qed.
End HoldsInput.
End HoldsInput.
