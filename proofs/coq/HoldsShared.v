(* Lemma 3 and Props. 3-5 as the claims state them. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary Norms SharedFunction Statements.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section HoldsShared.
Variable R : rcfType.

Lemma moments c d (Omega : Type) (x : Omega -> 'rV[R]_c) E sigma (f : Omega -> 'rV[R]_d) (D : 'M[R]_(c,d)) :
  law x E (sigma ^+ 2)%:M -> (forall w, f w = x w *m D) -> E (fun w => norm (f w) ^+ 2) = sigma ^+ 2 * fro D ^+ 2.
Proof.
move=> h hf; rewrite fro_sqE -(moment1 D h); case: h => ext _ _.
by apply: ext => w; rewrite hf.
Qed.
Lemma scaled (sigma a b : R) : a <= b -> sigma ^+ 2 * a <= sigma ^+ 2 * b.
Proof. by move=> h; rewrite ler_wpM2l ?sqr_ge0. Qed.
Lemma squares (a b : R) : 0 <= a -> a <= b -> a ^+ 2 <= b ^+ 2.
Proof. by move=> ha hab; rewrite ler_pXn2r ?nnegrE // (le_trans ha). Qed.
Lemma root_gap m n (D : 'M[R]_(m,n)) e : 0 <= e -> fro D ^+ 2 <= e -> fro D <= Num.sqrt e.
Proof. by move=> he h; rewrite -[fro D]ger0_norm ?fro_ge0 // -sqrtr_sqr ler_wsqrtr. Qed.
Lemma fro_triangle m n (D E : 'M[R]_(m,n)) : fro (D + E) <= fro D + fro E.
Proof. by rewrite /fro !fro_sq_vec linearD; exact: norm_triangle. Qed.

(* numbers as matrices, for what is attained *)
Definition one (a : R) : 'M[R]_1 := a%:M.
Lemma fro1 a : fro (one a) = `|a|.
Proof. by rewrite /fro /fro_sq !big_ord_recl !big_ord0 !mxE /= !addr0 mulr1n sqrtr_sqr. Qed.
Lemma spectral1 a : 0 <= a -> spectral (one a) a.
Proof.
move=> ha; have n1 (x : 'rV[R]_1) : norm (x *m one a) = a * norm x.
  by rewrite mul_mx_scalar normZ ger0_norm.
split=> // [x|b hb h]; first by rewrite n1.
have := h (const_mx 1); rewrite n1 /norm /dot !big_ord_recl !big_ord0 !mxE addr0 mulr1 sqrtr1; lra.
Qed.

Lemma plain c d h k (W1 : 'M[R]_(c,h)) (W2 : 'M_(h,d)) (W1' : 'M_(c,k)) (W2' : 'M_(k,d)) sigma Omega (x : Omega -> 'rV_c) E :
  law x E (sigma ^+ 2)%:M ->
  E (fun w => norm (x w *m W1 *m W2 - x w *m W1' *m W2') ^+ 2) = sigma ^+ 2 * fro (W1 *m W2 - W1' *m W2') ^+ 2.
Proof. by move=> hx; apply: (moments hx) => w; rewrite mulmxBr !mulmxA. Qed.
Theorem lemma_3_holds : lemma_3 R.
Proof.
split=> [c d h k W1 W2 W1' W2' sigma Omega x E _ hx e he hgap|]; first by rewrite (plain _ _ _ _ hx) scaled.
have [Omega [x [E hx]]] := law_exists 0 (1 : R).
exists 1%N, 1%N, 1%N, 1%N, (one 2), (one 1), (one 1), (one 1), 1, Omega, x, E, 1.
rewrite (plain _ _ _ _ hx) (_ : one 2 *m one 1 - one 1 *m one 1 = one 1); last first.
  by rewrite /one !mulmx1 -raddfB /=; congr _%:M; ring.
rewrite fro1 normr1.
do 2 (split=> //); split; [lra|]; split; [lra|]; split; lra.
Qed.

Lemma split_lora c d h (W1 W1' M : 'M[R]_(c,h)) (W2 W2' : 'M[R]_(h,d)) n (x : 'M_(n,c)) :
  x *m (W1 + M) *m W2 - x *m (W1' + M) *m W2' = x *m ((W1 *m W2 - W1' *m W2') + M *m (W2 - W2')).
Proof.
by rewrite !(mulmxBr, mulmxDr, mulmxDl, mulmxN, mulmxA) [RHS]addrACA -opprD.
Qed.
Theorem prop_3_exact_holds : prop_3_exact R.
Proof.
move=> c d h W1 W2 W1' W2' sigma Omega x E _ hx r A B; apply: (moments hx) => w; exact: split_lora.
Qed.
Theorem prop_3_holds : prop_3 R.
Proof.
split=> [c d h W1 W2 W1' W2' sigma Omega x E hs hx r A B e s he hgap [s0 hM _]|].
  rewrite (@prop_3_exact_holds _ _ _ _ _ _ _ _ _ _ _ hs hx); apply: scaled; apply: squares; first exact: fro_ge0.
  apply: (le_trans (fro_triangle _ _)); apply: lerD; first exact: root_gap.
  exact: fro_mull.
have [Omega [x [E hx]]] := law_exists 0 (1 : R).
exists 1%N, 1%N, 1%N, (one 1), (one 2), (one 1), (one 1), 1, Omega, x, E, 1%N, (one 1), (one 1), 1, 1.
rewrite (@prop_3_exact_holds _ _ _ _ _ _ _ _ _ _ _ ltr01 hx) (_ : one 1 *m one 2 - one 1 *m one 1 = one 1); last first.
  by rewrite /one !mul1mx -raddfB /=; congr _%:M; ring.
rewrite (_ : one 2 - one 1 = one 1); last by rewrite -raddfB /=; congr _%:M; ring.
rewrite (_ : one 1 + _ = one 2); last by rewrite /one !mulmx1 -raddfD /=; congr _%:M; ring.
rewrite !fro1 normr1 sqrtr1 (@ger0_norm _ 2) //.
split; first by lra. split=> //. split; first by lra. split; first by lra.
by split; [rewrite /one mulmx1; apply: spectral1; lra|lra].
Qed.

Lemma second c d h (W1 W1' : 'M[R]_(c,h)) (W2 W2' M : 'M_(h,d)) sigma Omega (x : Omega -> 'rV_c) E :
  law x E (sigma ^+ 2)%:M -> E (fun w => norm (x w *m W1 *m (W2 + M) - x w *m W1' *m (W2' + M)) ^+ 2)
   = sigma ^+ 2 * fro ((W1 *m W2 - W1' *m W2') + (W1 - W1') *m M) ^+ 2.
Proof.
move=> hx; apply: (moments hx) => w.
by rewrite !(mulmxBr, mulmxDr, mulmxBl, mulmxN, mulmxA) [RHS]addrACA -opprD.
Qed.
Theorem prop_3_second_holds : prop_3_second R.
Proof.
split=> [c d h W1 W2 W1' W2' sigma Omega x E hs hx r A B e s he hgap [s0 hM _]|].
  rewrite (second _ _ _ _ _ hx); apply: scaled; apply: squares; first exact: fro_ge0.
  apply: (le_trans (fro_triangle _ _)); apply: lerD; first exact: root_gap.
  exact: fro_mulr.
have [Omega [x [E hx]]] := law_exists 0 (1 : R).
exists 1%N, 1%N, 1%N, (one 2), (one 1), (one 1), (one 1), 1, Omega, x, E, 1%N, (one 1), (one 1), 1, 1.
rewrite (second _ _ _ _ _ hx) (_ : one 2 *m one 1 - one 1 *m one 1 = one 1); last first.
  by rewrite /one !mulmx1 -raddfB /=; congr _%:M; ring.
rewrite (_ : one 2 - one 1 = one 1); last by rewrite -raddfB /=; congr _%:M; ring.
rewrite (_ : one 1 + _ = one 2); last by rewrite /one !mulmx1 -raddfD /=; congr _%:M; ring.
rewrite !fro1 normr1 sqrtr1 (@ger0_norm _ 2) //.
split; first by lra. split=> //. split; first by lra. split; first by lra.
by split; [rewrite /one mulmx1; apply: spectral1; lra|lra].
Qed.

Theorem prop_4_exact_holds : prop_4_exact R.
Proof.
move=> c d h k W1 W2 W1' W2' sigma Omega x E _ hx r A B; apply: (moments hx) => w.
by rewrite mulmxA mulmxBr !mulmxA.
Qed.
Lemma doubled : (1%:M + one 1 *m one 1) = one 2 :> 'M[R]_1.
Proof. by rewrite /one mulmx1 -raddfD /=; congr _%:M; ring. Qed.
Theorem prop_4_holds : prop_4 R.
Proof.
split=> [c d h k W1 W2 W1' W2' sigma Omega x E hs hx r A B e s he hgap [s0 hM _]|].
  rewrite (@prop_4_exact_holds _ _ _ _ _ _ _ _ _ _ _ _ hs hx) -mulrA; apply: scaled.
  apply: (@le_trans _ _ ((s * fro (W1 *m W2 - W1' *m W2')) ^+ 2)).
    by apply: squares; [exact: fro_ge0|exact: fro_mull].
  by rewrite exprMn ler_wpM2l ?sqr_ge0.
have [Omega [x [E hx]]] := law_exists 0 (1 : R).
exists 1%N, 1%N, 1%N, 1%N, (one 2), (one 1), (one 1), (one 1), 1, Omega, x, E, 1%N, (one 1), (one 1), 1, 2.
rewrite (@prop_4_exact_holds _ _ _ _ _ _ _ _ _ _ _ _ ltr01 hx) (_ : one 2 *m one 1 - one 1 *m one 1 = one 1); last first.
  by rewrite /one !mulmx1 -raddfB /=; congr _%:M; ring.
rewrite doubled (_ : one 2 *m one 1 = one 2); last by rewrite /one mulmx1.
rewrite !fro1 normr1 (@ger0_norm _ 2) //.
split; first by lra. split=> //. split; first by lra. split; first by lra.
by split; [apply: spectral1; lra|lra].
Qed.

Theorem prop_5_exact_holds : prop_5_exact R.
Proof.
move=> c d h k W1 W2 W1' W2' sigma Omega x E _ hx r A B; apply: (moments hx) => w.
by rewrite mulmxA mulmxBr mulmxBl !mulmxA.
Qed.
Theorem prop_5_holds : prop_5 R.
Proof.
split=> [c d h k W1 W2 W1' W2' sigma Omega x E hs hx r A B e s he hgap [s0 hM _]|].
  rewrite (@prop_5_exact_holds _ _ _ _ _ _ _ _ _ _ _ _ hs hx) -mulrA; apply: scaled.
  apply: (@le_trans _ _ ((s * fro (W1 *m W2 - W1' *m W2')) ^+ 2)).
    by apply: squares; [exact: fro_ge0|exact: fro_mulr].
  by rewrite exprMn ler_wpM2l ?sqr_ge0.
have [Omega [x [E hx]]] := law_exists 0 (1 : R).
exists 1%N, 1%N, 1%N, 1%N, (one 2), (one 1), (one 1), (one 1), 1, Omega, x, E, 1%N, (one 1), (one 1), 1, 2.
rewrite (@prop_5_exact_holds _ _ _ _ _ _ _ _ _ _ _ _ ltr01 hx) (_ : one 2 *m one 1 - one 1 *m one 1 = one 1); last first.
  by rewrite /one !mulmx1 -raddfB /=; congr _%:M; ring.
rewrite doubled (_ : one 1 *m one 2 = one 2); last by rewrite /one mul1mx.
rewrite !fro1 normr1 (@ger0_norm _ 2) //.
split; first by lra. split=> //. split; first by lra. split; first by lra.
by split; [apply: spectral1; lra|lra].
Qed.
End HoldsShared.
