(* prop-1-sine: the bound with the sine, and an instance that needs all of it. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary Norms Cosine FirstOrder Holds1 Statements.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

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
