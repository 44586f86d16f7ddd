(* Rows of two halves, W = diag(I, k I) and AB = e [[0, I], [I, 0]], which turns the outputs of two models apart. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary Norms Cosine FirstOrder Output Input Plane.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Halves.
Variables (R : rcfType) (n : nat) (k : R).
Hypothesis k1 : 1 <= k.
Implicit Types a b : 'rV[R]_n.

Lemma k_gt0 : 0 < k. Proof. exact: lt_le_trans k1. Qed.
Definition stretched : 'M[R]_(n + n) := block_mx 1%:M 0 0 k%:M.
Definition swap : 'M[R]_(n + n) := block_mx 0 1%:M 1%:M 0.
Lemma dot_halves a b a' b' : dot (row_mx a b) (row_mx a' b') = dot a a' + dot b b'.
Proof. by rewrite /dot big_split_ord; congr (_ + _); apply: eq_bigr => i _; rewrite ?row_mxEl ?row_mxEr. Qed.
Lemma halves_swap a b : row_mx a b *m swap = row_mx b a.
Proof. by rewrite mul_row_block !mulmx0 !mulmx1 addr0 add0r. Qed.
Lemma halves_stretched a b : row_mx a b *m stretched = row_mx a (k *: b).
Proof. by rewrite mul_row_block !mulmx0 mulmx1 mul_mx_scalar addr0 add0r. Qed.
Lemma swap_spectral e : 0 <= e -> spectral_le (e *: swap) e.
Proof.
move=> he x; rewrite -scalemxAr normZ ger0_norm // -(hsubmxK x) halves_swap ler_wpM2l //.
by rewrite /norm !dot_halves addrC.
Qed.
Lemma stretched_between (x : 'rV[R]_(n + n)) : 1 * norm x <= norm (x *m stretched) <= k * norm x.
Proof.
have k0 := k_gt0; have kk : 1 <= k ^+ 2 by rewrite expr_ge1 // ltW.
rewrite mul1r -(hsubmxK x) halves_stretched; move: (lsubmx x) (rsubmx x) => a b.
have a2 := dot_ge0 a; have b2 := dot_ge0 b.
apply/andP; split; rewrite -(@ler_pXn2r _ 2) ?nnegrE ?mulr_ge0 ?norm_ge0 ?(ltW k0) // ?exprMn !norm_sq.
  by rewrite !dot_halves dotZl dotZr; nra.
by rewrite !dot_halves dotZl dotZr; nra.
Qed.
Lemma stretched_cond a : a != 0 -> cond stretched k.
Proof.
move=> ha; have k0 := k_gt0; exists (1, k); last by rewrite /= divr1.
have nz (b c : 'rV[R]_n) : row_mx b c = 0 -> b = 0 /\ c = 0 by rewrite -row_mx0 => /eq_row_mx.
split=> /=; [exact: ltr01|exact: stretched_between| |].
- exists (row_mx a 0); first by apply: contra ha => /eqP/nz[-> _].
  by rewrite halves_stretched scaler0 mul1r.
exists (row_mx 0 a); first by apply: contra ha => /eqP/nz[_ ->].
by rewrite halves_stretched -{1}(scaler0 _ k) -scale_row_mx normZ gtr0_norm.
Qed.
Lemma stretched_rank : \rank stretched = (n + n)%N.
Proof. by apply: (@full_rank R _ stretched 1) => // x; have /andP[] := stretched_between x. Qed.
Lemma adapted (x : 'rV[R]_(n + n)) e :
  x *m (1%:M + e *: swap) *m stretched = x *m stretched + e *: (x *m swap *m stretched).
Proof. by rewrite mulmxDr mulmx1 mulmxDl -scalemxAr -scalemxAl. Qed.
Lemma adapted_nonzero (x : 'rV[R]_(n + n)) e : 0 <= e < 1 -> x != 0 -> x *m (1%:M + e *: swap) *m stretched != 0.
Proof.
move=> /andP[e0 e1] /norm_gt0 px; have h := one_plus_low (swap_spectral e0) x.
have /andP[g _] := stretched_between (x *m (1%:M + e *: swap)).
apply/eqP => z; move: g; rewrite z {2}/norm dot0l sqrtr0; nra.
Qed.

(* rows (u, w v) and (v, w u), for u and v of length 1: their cosine is that of u and v for every w *)
Variables u v : 'rV[R]_n.
Hypotheses (uu : dot u u = 1) (vv : dot v v = 1).
Let s := dot u v.
Definition one w := row_mx u (w *: v). Definition two w := row_mx v (w *: u).
Lemma size_gt0 w : 0 < 1 + w ^+ 2 :> R.
Proof. by rewrite ltr_pwDl ?sqr_ge0. Qed.
Lemma one_size w : dot (one w) (one w) = 1 + w ^+ 2.
Proof. by rewrite dot_halves dotZl dotZr uu vv mulr1 expr2. Qed.
Lemma two_size w : dot (two w) (two w) = 1 + w ^+ 2.
Proof. by rewrite dot_halves dotZl dotZr uu vv mulr1 expr2. Qed.
Lemma halves_nonzero w : one w != 0 /\ two w != 0.
Proof.
have p := size_gt0 w; have h x : dot x x = 1 + w ^+ 2 -> x != 0.
  by move=> e; apply/eqP => z; move: p; rewrite -e z dot0l ltxx.
by split; apply: h; [exact: one_size|exact: two_size].
Qed.
Lemma halves_sim w : sim (one w) (two w) = s.
Proof.
rewrite /sim /norm one_size two_size -expr2 sqr_sqrtr ?(ltW (size_gt0 w)) // dot_halves dotZl dotZr (dotC v u) -/s.
by field; rewrite gt_eqF // size_gt0.
Qed.
Lemma halves_outputs t : one (t / k) *m stretched = one t /\ two (t / k) *m stretched = two t.
Proof. by rewrite !halves_stretched !scalerA mulrC divfK // gt_eqF // k_gt0. Qed.
Lemma slope t : t ^+ 2 = 1 ->
  delta (one t) (two t) (one (t / k) *m swap *m stretched) (two (t / k) *m swap *m stretched)
  = t * ((1 - s ^+ 2) * (k + 1 / k)).
Proof.
move=> tt; have kn : k != 0 by rewrite gt_eqF // k_gt0.
rewrite /delta halves_sim !norm_sq /norm one_size two_size -expr2 sqr_sqrtr ?(ltW (size_gt0 t)) // tt.
rewrite !halves_swap !halves_stretched !dot_halves !dotZl !dotZr !(dotC v u) uu vv -/s.
by field.
Qed.
End Halves.

(* the target's outputs have one half turned over, so that the same AB turns them the other way *)
Theorem input_slope (R : rcfType) n (k k' : R) (u v : 'rV[R]_n) (C K e0 : R) :
  1 <= k -> 1 <= k' -> dot u u = 1 -> dot v v = 1 -> 0 < e0 ->
  (forall e, 0 < e <= e0 -> e < 1 ->
    `|sim (one u v (1 / k) *m (1%:M + e *: swap R n) *m stretched n k)
          (two u v (1 / k) *m (1%:M + e *: swap R n) *m stretched n k)
      - sim (one u v (-1 / k') *m (1%:M + e *: swap R n) *m stretched n k')
            (two u v (-1 / k') *m (1%:M + e *: swap R n) *m stretched n k')| <= C * e + K * e ^+ 2) ->
  (1 - dot u v ^+ 2) * (k + 1 / k) + (1 - dot u v ^+ 2) * (k' + 1 / k') <= C.
Proof.
move=> k1 k1' uu vv he0 H; have [n1 n2] := halves_nonzero uu vv 1; have [n3 n4] := halves_nonzero uu vv (-1).
have [o1 o2] := halves_outputs k1 u v 1; have [o3 o4] := halves_outputs k1' u v (-1).
have he : 0 < Num.min e0 (1 / 2) by rewrite lt_min he0; lra.
have l := slope k1 uu vv (expr1n _ 2); have l' := slope k1' uu vv (etrans (sqrrN 1) (expr1n _ 2)).
set a := _ * (k + 1 / k) in l *; set b := _ * (k' + 1 / k') in l' *.
have -> : a + b = 1 * a - -1 * b by ring.
rewrite -l -l'; apply: le_trans (ler_norm _) _.
apply: (criterion (K := K) n1 n2 n3 n4 _ he); first by rewrite !halves_sim.
move=> e /andP[e_gt]; rewrite le_min => /andP[e_e0 e_half].
by have := H e; rewrite e_gt e_e0 !adapted o1 o2 o3 o4; apply=> //; lra.
Qed.
