(* Matrices: Frobenius norms of products and of effects, projections (Props. 3 to 5, effects). *)
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype finfun bigop order.
From mathcomp Require Import ssralg ssrnum zmodp matrix mxalgebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary Rows.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(* Setting A.2: expectations of quadratic forms, Lemma 3, Props. 3-5 and what is near them. *)
Module SharedFunction.
Import Norms.
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
End SharedFunction.

(* When an adapter keeps its effect: the law of transfer for layers whose readers and writers are matrices. *)
Module Transfer.
Import Norms SharedFunction.
Section Transfer.
Variable R : rcfType.

(* effects as matrices, inputs x outputs *)
Lemma innerC m n (A B : 'M[R]_(m, n)) : inner A B = inner B A.
Proof. by rewrite /inner -mxtrace_tr trmx_mul trmxK. Qed.
Lemma innerDl m n (A B C : 'M[R]_(m, n)) : inner (A + B) C = inner A C + inner B C.
Proof. by rewrite /inner mulmxDl raddfD. Qed.
Lemma innerNl m n (A B : 'M[R]_(m, n)) : inner (- A) B = - inner A B.
Proof. by rewrite /inner mulNmx raddfN. Qed.
Lemma innerZl m n a (A B : 'M[R]_(m, n)) : inner (a *: A) B = a * inner A B.
Proof. by rewrite /inner -scalemxAl mxtraceZ. Qed.
Lemma innerDr m n (A B C : 'M[R]_(m, n)) : inner C (A + B) = inner C A + inner C B.
Proof. by rewrite innerC innerDl !(innerC C). Qed.
Lemma innerNr m n (A B : 'M[R]_(m, n)) : inner B (- A) = - inner B A.
Proof. by rewrite innerC innerNl innerC. Qed.
Lemma innerZr m n a (A B : 'M[R]_(m, n)) : inner B (a *: A) = a * inner B A.
Proof. by rewrite innerC innerZl innerC. Qed.
Lemma fro_inner m n (A : 'M[R]_(m, n)) : fro_sq A = inner A A.
Proof.
rewrite /inner /fro_sq /mxtrace; apply: eq_bigr => i _; rewrite mxE.
by apply: eq_bigr => j _; rewrite mxE expr2.
Qed.
Lemma inner0 m n (A : 'M[R]_(m, n)) : inner A A = 0 -> A = 0.
Proof.
rewrite -fro_inner fro_sq_vec => /dot_eq0 h; apply: (can_inj (@mxvecK _ m n)).
by rewrite h linear0.
Qed.
Lemma inner_dot m n (A B : 'M[R]_(m, n)) : inner A B = dot (mxvec A) (mxvec B).
Proof.
transitivity (\sum_i \sum_j A i j * B i j).
  by apply: eq_bigr => i _; rewrite mxE; apply: eq_bigr => j _; rewrite mxE.
rewrite /dot [RHS](reindex _ (curry_mxvec_bij _ _)) /= pair_bigA /=.
by apply: eq_bigr => -[i j] _; rewrite !mxvecE.
Qed.
Lemma inner_cauchy m n (A B : 'M[R]_(m, n)) : `|inner A B| <= fro A * fro B.
Proof. by rewrite inner_dot /fro !fro_sq_vec; exact: cauchy_norm. Qed.

(* Theorem 2: readers r, writers J, effect r M J *)
Theorem read_write N p p' q q' m (r : 'M[R]_(N, p)) (r' : 'M_(N, p')) (J : 'M_(q, m)) (J' : 'M_(q', m)) M L :
  inner (r *m M *m J) (r' *m L *m J') = \tr (M^T *m (r^T *m r') *m L *m (J' *m J^T)).
Proof.
rewrite innerC /inner !trmx_mul.
have -> : r' *m L *m J' *m (J^T *m (M^T *m r^T)) = (r' *m L *m J' *m J^T) *m (M^T *m r^T) by rewrite !mulmxA.
by rewrite mxtrace_mulC !mulmxA.
Qed.
Theorem rank_one N p q m (r r' : 'M[R]_(N, p)) (J J' : 'M_(q, m)) (u : 'cV_p) (w : 'rV_q) :
  inner (r *m (u *m w) *m J) (r' *m (u *m w) *m J') = inner (r *m u) (r' *m u) * inner (w *m J) (w *m J').
Proof.
rewrite /inner !trmx_mul.
have -> : r *m (u *m w) *m J *m (J'^T *m (w^T *m u^T *m r'^T))
  = (r *m u) *m (w *m J *m (J'^T *m w^T)) *m (u^T *m r'^T) by rewrite !mulmxA.
rewrite [w *m J *m _]mx11_scalar mul_mx_scalar -scalemxAl mxtraceZ mulrC; congr (_ * _).
by rewrite mxtrace_scalar mulr1n.
Qed.

(* Theorem 6: the best adapter on the target *)
Lemma pinv_unique m n (A : 'M[R]_(m, n)) P Q : pinv A P -> pinv A Q -> P = Q.
Proof.
move=> [p1 p2 p3 p4] [q1 q2 q3 q4].
have left : A *m P = A *m Q.
  have e : (A *m P *m (A *m Q))^T = A *m P by rewrite trmx_mul p3 q3 mulmxA q1.
  by rewrite -e !mulmxA p1 q3.
have right : P *m A = Q *m A.
  have e : (Q *m A *m (P *m A))^T = P *m A by rewrite trmx_mul p4 q4 -mulmxA (mulmxA A) q1.
  by rewrite -e -mulmxA (mulmxA A) p1 q4.
by rewrite -p2 right -mulmxA left mulmxA q2.
Qed.
Lemma pinv_sym n (S G : 'M[R]_n) : S^T = S -> pinv S G -> G^T = G.
Proof.
move=> sym g; apply: (pinv_unique _ g); case: g => [g1 g2 g3 g4]; split.
- by apply: trmx_inj; rewrite !trmx_mul trmxK sym mulmxA g1.
- by apply: trmx_inj; rewrite !trmx_mul !trmxK sym mulmxA g2.
- by rewrite trmx_mul trmxK sym -g4 trmx_mul sym.
- by rewrite trmx_mul trmxK sym -g3 trmx_mul sym.
Qed.
Lemma pinv_gram m n (A : 'M[R]_(m, n)) (G : 'M_n) : pinv (A^T *m A) G -> pinv A (G *m A^T).
Proof.
move=> g; have sym : G^T = G by apply: pinv_sym g; rewrite trmx_mul trmxK.
case: g => [g1 g2 g3 g4].
have zero : A *m (G *m A^T) *m A = A.
  apply/eqP; rewrite -subr_eq0; apply/eqP/inner0; rewrite /inner mxtrace_mulC.
  have -> : (A *m (G *m A^T) *m A - A)^T = (A^T *m A *m G - 1%:M) *m A^T.
    by rewrite raddfB /= !trmx_mul trmxK sym mulmxBl mul1mx !mulmxA.
  have -> : (A^T *m A *m G - 1%:M) *m A^T *m (A *m (G *m A^T) *m A - A)
     = (A^T *m A *m G - 1%:M) *m (A^T *m A *m G *m (A^T *m A) - A^T *m A) by rewrite -mulmxA mulmxBr !mulmxA.
  by rewrite g1 subrr mulmx0 mxtrace0.
split=> //.
- by rewrite mulmxA -(mulmxA G) g2.
- by rewrite !trmx_mul trmxK sym mulmxA.
- by rewrite -(mulmxA G) g4.
Qed.

Section Best.
Variables (N p q m : nat) (A : 'M[R]_(N, p)) (P : 'M[R]_(p, N)) (B : 'M[R]_(q, m)) (Q : 'M[R]_(m, q)).
Hypotheses (hP : pinv A P) (hQ : pinv B Q).
(* what the target can read and write of an effect *)
Definition reached (E : 'M[R]_(N, m)) := A *m P *m E *m (Q *m B).

Lemma reached_id X : reached (A *m X *m B) = A *m X *m B.
Proof.
case: hP => [p1 _ _ _]; case: hQ => [q1 _ _ _].
by rewrite /reached -(mulmxA A X) (mulmxA (A *m P) A) p1 -(mulmxA A) -(mulmxA X) (mulmxA B Q) q1.
Qed.
Lemma reachedE E : reached E = A *m (P *m E *m Q) *m B.
Proof. by rewrite /reached !mulmxA. Qed.
Lemma reachedB E F : reached (E - F) = reached E - reached F.
Proof. by rewrite /reached mulmxBr mulmxBl. Qed.
Lemma reached_adjoint E F : inner (reached E) F = inner E (reached F).
Proof.
case: hP => [_ _ p3 _]; case: hQ => [_ _ _ q4].
rewrite /inner /reached !trmx_mul -[B^T *m Q^T]trmx_mul q4 -[P^T *m A^T]trmx_mul p3.
have -> : A *m P *m E *m (Q *m B) *m F^T = (A *m P) *m (E *m (Q *m B) *m F^T) by rewrite !mulmxA.
by rewrite mxtrace_mulC !mulmxA.
Qed.
Lemma reached_twice E : reached (reached E) = reached E.
Proof. by have e := reachedE E; rewrite e reached_id. Qed.
Lemma reached_self E : inner (reached E) E = fro_sq (reached E).
Proof. by rewrite fro_inner [RHS]reached_adjoint reached_twice innerC. Qed.
Lemma pythagoras E X : fro_sq (A *m X *m B - E) = fro_sq (A *m X *m B - reached E) + fro_sq (reached E - E).
Proof.
have cross : inner (A *m X *m B - reached E) (reached E - E) = 0.
  have <- : reached (A *m X *m B - reached E) = A *m X *m B - reached E.
    by rewrite reachedB reached_id reached_twice.
  rewrite reached_adjoint reachedB reached_twice subrr.
  by rewrite /inner trmx0 mulmx0 mxtrace0.
have -> : A *m X *m B - E = (A *m X *m B - reached E) + (reached E - E) by rewrite addrA subrK.
move: (_ - reached E) (reached E - E) cross => Y Z cross.
by rewrite !fro_inner innerDl !innerDr (innerC Z Y) cross addr0 add0r.
Qed.

Theorem best_adapter (E : 'M[R]_(N, m)) X :
  fro_sq (A *m (P *m E *m Q) *m B - E) = fro_sq E - fro_sq (reached E)
  /\ fro_sq (A *m (P *m E *m Q) *m B - E) <= fro_sq (A *m X *m B - E).
Proof.
have e : A *m (P *m E *m Q) *m B = reached E by rewrite /reached !mulmxA.
split; last by rewrite e [leRHS]pythagoras lerDr fro_sq_ge0.
have s := reached_self E.
rewrite e fro_inner !(innerDl, innerDr, innerNl, innerNr) (innerC E) s -!fro_inner; ring.
Qed.
End Best.

(* M* = (C_TT^+ C_TS) M (K_ST K_TT^+) is that adapter, and its rank is M's at most *)
Theorem carried N p p' q q' m (r : 'M[R]_(N, p)) (r' : 'M[R]_(N, p')) (J : 'M[R]_(q, m)) (J' : 'M[R]_(q', m)) M C K :
  pinv (r'^T *m r') C -> pinv (J' *m J'^T) K ->
  let best := C *m (r'^T *m r) *m M *m (J *m J'^T *m K) in let e := r *m M *m J in
  [/\ (\rank best <= \rank M)%N, fro_sq (r' *m best *m J' - e) = fro_sq e - fro_sq (r' *m best *m J')
    & forall X, fro_sq (r' *m best *m J' - e) <= fro_sq (r' *m X *m J' - e)].
Proof.
move=> hC hK best e; have hP := pinv_gram hC.
have hQ : pinv J' (J'^T *m K).
  have symK : K^T = K by apply: pinv_sym hK; rewrite trmx_mul trmxK.
  have hK' : pinv (J'^T^T *m J'^T) K by rewrite trmxK.
  have [q1 q2 q3 q4] := pinv_gram hK'; rewrite trmxK in q1 q2 q3 q4.
  split.
  - by apply: trmx_inj; rewrite !trmx_mul trmxK symK mulmxA q1.
  - by apply: trmx_inj; rewrite !trmx_mul trmxK symK mulmxA q2.
  - by rewrite !trmx_mul trmxK symK -q4 !trmx_mul trmxK symK.
  - by rewrite !trmx_mul trmxK symK mulmxA.
have eb : r' *m best *m J' = r' *m (C *m r'^T *m e *m (J'^T *m K)) *m J' by rewrite /best /e !mulmxA.
split.
- by apply: leq_trans (mxrankM_maxl _ _) _; exact: mxrankM_maxr.
- by rewrite eb; have [-> _] := best_adapter hP hQ e 0; rewrite reachedE.
- by move=> X; rewrite eb; have [] := best_adapter hP hQ e X.
Qed.
End Transfer.
End Transfer.
