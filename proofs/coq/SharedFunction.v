(* Setting A.2: expectations of quadratic forms, Lemma 3, Props. 3-5 and what is near them. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary Norms.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section SharedFunction.
Variable R : rcfType.

Lemma fro_ge0 m n (D : 'M[R]_(m,n)) : 0 <= fro D.
Proof. exact: sqrtr_ge0. Qed.
Lemma fro_sqE m n (D : 'M[R]_(m,n)) : fro D ^+ 2 = fro_sq D.
Proof. by rewrite sqr_sqrtr // fro_sq_ge0. Qed.
Lemma fro_sqZ m n a (D : 'M[R]_(m,n)) : fro_sq (a *: D) = a ^+ 2 * fro_sq D.
Proof.
rewrite /fro_sq mulr_sumr; apply: eq_bigr => i _; rewrite mulr_sumr; apply: eq_bigr => j _.
by rewrite mxE exprMn.
Qed.
Lemma froN m n (D : 'M[R]_(m,n)) : fro (- D) = fro D.
Proof. by rewrite /fro -scaleN1r fro_sqZ sqrrN expr1n mul1r. Qed.
Lemma fro_mulr k m n (D : 'M[R]_(k,m)) (M : 'M_(m,n)) e : 0 <= e -> spectral_le M e -> fro (D *m M) <= e * fro D.
Proof.
move=> he h; rewrite -(@ler_pXn2r _ 2) ?nnegrE ?mulr_ge0 ?fro_ge0 // exprMn !fro_sqE; exact: fro_sq_mulr.
Qed.
Lemma fro_mull k m n (D : 'M[R]_(m,k)) (M : 'M_(n,m)) e : 0 <= e -> spectral_le M e -> fro (M *m D) <= e * fro D.
Proof.
move=> he h; rewrite -(@ler_pXn2r _ 2) ?nnegrE ?mulr_ge0 ?fro_ge0 // exprMn !fro_sqE; exact: fro_sq_mull.
Qed.

Lemma moment c d (Omega : Type) (x : Omega -> 'rV[R]_c) E (F : 'M[R]_c) (D : 'M[R]_(c,d)) :
  law x E (F^T *m F) -> E (fun w => norm (x w *m D) ^+ 2) = fro_sq (F *m D).
Proof.
case=> E_ext E_lin E_cov.
rewrite (@E_ext _ (quadratic x (fun i j k => D i k * D j k))); last first.
  move=> w; rewrite norm_sq /dot /quadratic; apply: eq_bigr => k _; rewrite !mxE mulr_suml; apply: eq_bigr => i _.
  by rewrite mulr_sumr; apply: eq_bigr => j _; ring.
rewrite E_lin -fro_sq_tr /fro_sq; apply: eq_bigr => k _.
transitivity (\sum_i \sum_j D i k * D j k * \sum_l F l i * F l j).
  apply: eq_bigr => i _; apply: eq_bigr => j _; rewrite E_cov !mxE; congr (_ * _).
  by apply: eq_bigr => l _; rewrite mxE.
transitivity (\sum_l (\sum_i F l i * D i k) * (\sum_j F l j * D j k)); last first.
  by apply: eq_bigr => l _; rewrite !mxE expr2.
rewrite (eq_bigr (fun i => \sum_l \sum_j D i k * D j k * (F l i * F l j))); last first.
  by move=> i _; rewrite exchange_big; apply: eq_bigr => j _; rewrite mulr_sumr.
rewrite exchange_big; apply: eq_bigr => l _; rewrite mulr_suml; apply: eq_bigr => i _.
by rewrite mulr_sumr; apply: eq_bigr => j _; ring.
Qed.

Lemma moment1 c d (Omega : Type) (x : Omega -> 'rV[R]_c) E sigma (D : 'M[R]_(c,d)) :
  law x E (sigma ^+ 2)%:M -> E (fun w => norm (x w *m D) ^+ 2) = sigma ^+ 2 * fro_sq D.
Proof.
move=> h; rewrite (@moment _ _ _ _ _ sigma%:M); first by rewrite mul_scalar_mx fro_sqZ.
by rewrite tr_scalar_mx -scalar_mxM -expr2.
Qed.

(* such laws exist: the rows sigma sqrt(c) e_i, each with probability 1/c *)
Lemma law_exists c (sigma : R) : exists (Omega : Type) (x : Omega -> 'rV[R]_c.+1) E, law x E (sigma ^+ 2)%:M.
Proof.
pose n : R := (c.+1)%:R; have n0 : n != 0 by rewrite pnatr_eq0.
have nn : 0 <= n by rewrite ler0n.
exists 'I_c.+1, (fun w => (sigma * Num.sqrt n) *: delta_mx 0 w), (fun f => n^-1 * \sum_w f w); split.
- by move=> f g h; congr (_ * _); apply: eq_bigr => w _.
- move=> d D; rewrite /quadratic exchange_big mulr_sumr; apply: eq_bigr => k _.
  rewrite exchange_big mulr_sumr; apply: eq_bigr => i _.
  rewrite exchange_big mulr_sumr; apply: eq_bigr => j _.
  by rewrite !mulr_sumr; apply: eq_bigr => w _; ring.
move=> i j; rewrite !mxE (bigD1 i) //= big1 ?addr0 => [|w hw].
  rewrite !mxE !eqxx /= [j == i]eq_sym; have [_|_] := eqVneq i j; last by rewrite !mulr0.
  by rewrite !mulr1 -expr2 exprMn sqr_sqrtr // mulrCA mulVf // mulr1.
by rewrite !mxE eqxx /= (eq_sym i) (negbTE hw) mulr0 mul0r.
Qed.
End SharedFunction.
