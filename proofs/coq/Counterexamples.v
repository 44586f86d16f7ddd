From Coq Require Import ZArith QArith Lia.
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype finfun bigop order.
From mathcomp Require Import ssralg ssrnum ssrint zmodp matrix mxalgebra.
From mathcomp Require Import ring lra ssrZ.
From ioadapt Require Import Vocabulary Rows Exact Witnesses Statements.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(* Props. 1 and 2 as printed, and in the other readings, are false: by the shipped witnesses, with rank AB < min(c, d). *)
Module Refuted.
Import Norms Cosine FirstOrder Rationals Witness Refute.
Section Refuted.
Variable R : rcfType.
Local Notation q2r := (@q2r R). Local Notation row_of := (@row_of R). Local Notation mat_of := (@mat_of R).

(* how a row of outputs moves under t AB *)
Section Moves.
Variables (c d p q : nat) (w : witness) (t : R).
Let N := qmm q (wA w) (wB w).
Hypothesis e : A R p w *m B R q w = M R p q w.
Hypothesis hN : size N = p.
Lemma scaled_product : (t *: A R p w) *m B R q w = t *: M R p q w.
Proof. by rewrite -scalemxAl e. Qed.
Lemma scaled_ball : spectral_le (A R p w *m B R q w) 1 -> 0 < t -> spectral_le ((t *: A R p w) *m B R q w) t.
Proof.
move=> h t0 x; rewrite -scalemxAl -scalemxAr normZ gtr0_norm // ler_pM2l //.
by have := h x; rewrite mul1r.
Qed.
End Moves.

Lemma size_N p q w : shape p (wr w) (wA w) -> size (qmm q (wA w) (wB w)) = p.
Proof. by move=> /andP[/eqP h _]; rewrite /qmm size_map. Qed.

Definition move_output d (x : seq Q) V N := qmul d (qmul d x V) N.
Definition move_input c d (x : seq Q) V N := qmul d (qmul c x N) V.
Definition move_lora d (x : seq Q) (V : seq (seq Q)) N := qmul d x N.

Lemma step_output c d w t x V : size x = c -> size V = c -> shape d (wr w) (wA w) -> A R d w *m B R d w = M R d d w ->
  row_of c x *m mat_of c d V *m (1%:M + (t *: A R d w) *m B R d w)
  = row_of c x *m mat_of c d V + t *: row_of d (move_output d x V (qmm d (wA w) (wB w))).
Proof.
move=> hx hV hA e; rewrite mulmxDr mulmx1 scaled_product // -scalemxAr; congr (_ + t *: _).
by rewrite (mul_row _ _ hx hV) mul_row ?size_qmul // (size_N _ hA).
Qed.
Lemma step_input c d w t x V : size x = c -> size V = c -> shape c (wr w) (wA w) -> A R c w *m B R c w = M R c c w ->
  row_of c x *m (1%:M + (t *: A R c w) *m B R c w) *m mat_of c d V
  = row_of c x *m mat_of c d V + t *: row_of d (move_input c d x V (qmm c (wA w) (wB w))).
Proof.
move=> hx hV hA e; rewrite mulmxDr mulmx1 scaled_product // -scalemxAr mulmxDl -scalemxAl; congr (_ + t *: _).
by rewrite (mul_row _ _ hx (size_N _ hA)) mul_row ?size_qmul.
Qed.
Lemma step_lora c d w t x V : size x = c -> size V = c -> shape c (wr w) (wA w) -> A R c w *m B R d w = M R c d w ->
  row_of c x *m (mat_of c d V + (t *: A R c w) *m B R d w)
  = row_of c x *m mat_of c d V + t *: row_of d (move_lora d x V (qmm d (wA w) (wB w))).
Proof.
move=> hx hV hA e; rewrite mulmxDr scaled_product // -scalemxAr; congr (_ + t *: _).
by rewrite (mul_row _ _ hx (size_N _ hA)).
Qed.
Lemma sound_shapes c d c' d' p q w : sound c d c' d' p q w ->
  [/\ size (wx1 w) = c, size (wx2 w) = c, size (wx1' w) = c' & size (wx2' w) = c'] /\
  [/\ size (wW w) = c, size (wW' w) = c' & shape p (wr w) (wA w)].
Proof.
move=> h; split; first exact: (sizes h).
by move: h => /andP[_ /andP[_ /andP[_ /andP[_ /andP[/andP[/eqP -> _] /andP[/andP[/eqP -> _] /andP[-> _]]]]]]].
Qed.

(* 4(1 + s) *)
Definition four s := Qplus (Qplus (Qplus Q1 s) (Qplus Q1 s)) (Qplus (Qplus Q1 s) (Qplus Q1 s)).
Lemma fourE s : q2r (four s) = 4 * (1 + q2r s).
Proof. by rewrite /four !q2rD q2r1; ring. Qed.

(* the cores: no bound b t + K t^2 holds near 0 *)
Lemma output_core c d c' w b (K t0 : R) : sound c d c' d d d w -> hypotheses d d w ->
  exceeds d d w (move_output d) b (qmm d (wA w) (wB w)) -> 0 < t0 ->
  (forall t : R, 0 < t <= t0 ->
    x1 R c w *m W R c d w *m (1%:M + (t *: A R d w) *m B R d w) != 0 ->
    x2 R c w *m W R c d w *m (1%:M + (t *: A R d w) *m B R d w) != 0 ->
    x1' R c' w *m W' R c' d w *m (1%:M + (t *: A R d w) *m B R d w) != 0 ->
    x2' R c' w *m W' R c' d w *m (1%:M + (t *: A R d w) *m B R d w) != 0 ->
    `|sim (x1 R c w *m W R c d w *m (1%:M + (t *: A R d w) *m B R d w)) (x2 R c w *m W R c d w *m (1%:M + (t *: A R d w) *m B R d w))
     - sim (x1' R c' w *m W' R c' d w *m (1%:M + (t *: A R d w) *m B R d w)) (x2' R c' w *m W' R c' d w *m (1%:M + (t *: A R d w) *m B R d w))|
    <= q2r b * t + K * t ^+ 2) -> False.
Proof.
move=> hs hh ex ht H; have [[s1 s2 s3 s4] [k k' hA]] := sound_shapes hs; have [_ [e _]] := shapes R hs.
apply: (@too_far R c d c' d d d w hs hh (move_output d) b K t0) => //; rewrite ?size_qmul // => t ht'.
have := H t ht'; rewrite /x1 /x2 /x1' /x2' /W /W' !step_output //.
Qed.
Lemma input_core c d d' w b (K t0 : R) : sound c d c d' c c w -> hypotheses d d' w ->
  apart b (qdelta (output1 d w) (output2 d w) (move_input c d (wx1 w) (wW w) (qmm c (wA w) (wB w)))
             (move_input c d (wx2 w) (wW w) (qmm c (wA w) (wB w))) (wn w))
          (qdelta (output1' d' w) (output2' d' w) (move_input c d' (wx1' w) (wW' w) (qmm c (wA w) (wB w)))
             (move_input c d' (wx2' w) (wW' w) (qmm c (wA w) (wB w))) (wn' w)) -> d = d' -> 0 < t0 ->
  (forall t : R, 0 < t <= t0 ->
    x1 R c w *m (1%:M + (t *: A R c w) *m B R c w) *m W R c d w != 0 ->
    x2 R c w *m (1%:M + (t *: A R c w) *m B R c w) *m W R c d w != 0 ->
    x1' R c w *m (1%:M + (t *: A R c w) *m B R c w) *m W' R c d' w != 0 ->
    x2' R c w *m (1%:M + (t *: A R c w) *m B R c w) *m W' R c d' w != 0 ->
    `|sim (x1 R c w *m (1%:M + (t *: A R c w) *m B R c w) *m W R c d w) (x2 R c w *m (1%:M + (t *: A R c w) *m B R c w) *m W R c d w)
     - sim (x1' R c w *m (1%:M + (t *: A R c w) *m B R c w) *m W' R c d' w) (x2' R c w *m (1%:M + (t *: A R c w) *m B R c w) *m W' R c d' w)|
    <= q2r b * t + K * t ^+ 2) -> False.
Proof.
move=> hs hh ex ed; move: ed hs hh ex => <- hs hh ex ht H.
have [[s1 s2 s3 s4] [k k' hA]] := sound_shapes hs; have [_ [e _]] := shapes R hs.
apply: (@too_far R c d c d c c w hs hh (move_input c d) b K t0) => //; rewrite ?size_qmul // => t ht'.
have := H t ht'; rewrite /x1 /x2 /x1' /x2' /W /W' !step_input //.
Qed.
Lemma lora_core c d w b (K t0 : R) : sound c d c d c d w -> hypotheses d d w ->
  exceeds d d w (move_lora d) b (qmm d (wA w) (wB w)) -> 0 < t0 ->
  (forall t : R, 0 < t <= t0 ->
    x1 R c w *m (W R c d w + (t *: A R c w) *m B R d w) != 0 ->
    x2 R c w *m (W R c d w + (t *: A R c w) *m B R d w) != 0 ->
    x1' R c w *m (W' R c d w + (t *: A R c w) *m B R d w) != 0 ->
    x2' R c w *m (W' R c d w + (t *: A R c w) *m B R d w) != 0 ->
    `|sim (x1 R c w *m (W R c d w + (t *: A R c w) *m B R d w)) (x2 R c w *m (W R c d w + (t *: A R c w) *m B R d w))
     - sim (x1' R c w *m (W' R c d w + (t *: A R c w) *m B R d w)) (x2' R c w *m (W' R c d w + (t *: A R c w) *m B R d w))|
    <= q2r b * t + K * t ^+ 2) -> False.
Proof.
move=> hs hh ex ht H; have [[s1 s2 s3 s4] [k k' hA]] := sound_shapes hs; have [_ [e _]] := shapes R hs.
apply: (@too_far R c d c d c d w hs hh (move_lora d) b K t0) => //; rewrite ?size_qmul // => t ht'.
have := H t ht'; rewrite /x1 /x2 /x1' /x2' /W /W' !step_lora //.
Qed.

Theorem prop_2_output_refuted : ~ prop_2_output R.
Proof.
have [w [hs hh ex]] : exists w, [/\ sound 3 3 3 3 3 3 w, hypotheses 3 3 w
    & exceeds 3 3 w (move_output 3) (four (qsim (output1 3 w) (output2 3 w) (wn w))) (qmm 3 (wA w) (wB w))].
  by exists ce2; split; vm_compute.
have [[X1 X2 X1' X2'] SX] := defined R hs hh; have [[Y1 Y2 Y1' Y2'] [s0 SY]] := defined_outputs R hs hh.
have [[_ _ rp rq] [_ ball]] := shapes R hs.
move=> /(_ _ _ _ _ _ _ _ _ _ X1 X2 X1' X2' SX Y1 Y2 Y1' Y2' SY) [K [e0 [he0 H]]].
apply: (output_core hs hh ex he0) => t ht n1 n2 n3 n4; rewrite fourE -s0.
apply: (H _ _ _ _ ht rp (scaled_ball ball (proj1 (andP ht))) n1 n2 n3 n4).
Qed.

Theorem prop_2_input_refuted : ~ prop_2_input R.
Proof.
have [w [hs hh ex]] : exists w, [/\ sound 2 2 2 2 2 2 w, hypotheses 2 2 w
    & exceeds 2 2 w (move_input 2 2) (four (qsim (output1 2 w) (output2 2 w) (wn w))) (qmm 2 (wA w) (wB w))].
  by exists ce1; split; vm_compute.
have [[X1 X2 X1' X2'] SX] := defined R hs hh; have [[Y1 Y2 Y1' Y2'] [s0 SY]] := defined_outputs R hs hh.
have [[_ _ rp rq] [_ ball]] := shapes R hs.
move=> /(_ _ _ _ _ _ _ _ _ _ X1 X2 X1' X2' SX Y1 Y2 Y1' Y2' SY) [K [e0 [he0 H]]].
apply: (input_core hs hh ex erefl he0) => t ht n1 n2 n3 n4; rewrite fourE -s0.
exact: (H _ _ _ _ ht rp (scaled_ball ball (proj1 (andP ht))) n1 n2 n3 n4).
Qed.
Theorem prop_2_input_abs_refuted : ~ prop_2_input_abs R.
Proof.
have [w [hs hh ex sg]] : exists w, [/\ sound 2 2 2 2 2 2 w, hypotheses 2 2 w,
    exceeds 2 2 w (move_input 2 2) (four (qsim (output1 2 w) (output2 2 w) (wn w))) (qmm 2 (wA w) (wB w))
    & Qle_bool Q0 (qsim (output1 2 w) (output2 2 w) (wn w))].
  by exists ce1; split; vm_compute.
have [[X1 X2 X1' X2'] SX] := defined R hs hh; have [[Y1 Y2 Y1' Y2'] [s0 SY]] := defined_outputs R hs hh.
have [[_ _ rp rq] [_ ball]] := shapes R hs.
move=> /(_ _ _ _ _ _ _ _ _ _ X1 X2 X1' X2' SX Y1 Y2 Y1' Y2' SY) [K [e0 [he0 H]]].
apply: (input_core hs hh ex erefl he0) => t ht n1 n2 n3 n4; rewrite fourE -s0.
have pos : `|sim (x1 R 2 w *m W R 2 2 w) (x2 R 2 w *m W R 2 2 w)| = sim (x1 R 2 w *m W R 2 2 w) (x2 R 2 w *m W R 2 2 w).
  by rewrite ger0_norm // s0; have := q2r_le R sg; rewrite q2r0.
rewrite -[X in 4 * (1 + X)]pos.
exact: (H _ _ _ _ ht rp (scaled_ball ball (proj1 (andP ht))) n1 n2 n3 n4).
Qed.

(* ||AB||_F <= e *)
Definition qfro (N : seq (seq Q)) := foldr (fun r q => Qplus (qdot r r) q) Q0 N.
Lemma fro_mat m n N : shape m n N -> fro_sq (mat_of m n N) = q2r (qfro N).
Proof.
move=> /andP[/eqP hm hn]; rewrite fro_sq_rows.
have e : q2r (qfro N) = \sum_(r <- N) q2r (qdot r r).
  by elim: N {hm hn} => [|r N IH]; rewrite ?big_nil ?big_cons /= ?q2r0 // q2rD IH.
rewrite e (big_nth [::]) big_mkord hm; apply: eq_bigr => i _.
have hi : size (nth [::] N i) = n by apply/eqP; move/all_nthP: hn; apply; rewrite hm.
by rewrite -(dot_row R hi hi); congr dot; apply/rowP => j; rewrite !mxE.
Qed.
Lemma fro_ball p q w (t : R) : shape p q (qmm q (wA w) (wB w)) -> Qle_bool (qfro (qmm q (wA w) (wB w))) Q1 ->
  A R p w *m B R q w = M R p q w -> 0 < t -> fro ((t *: A R p w) *m B R q w) <= t.
Proof.
move=> sh /(q2r_le R); rewrite q2r1 => h e t0; rewrite -scalemxAl e /fro.
have -> : fro_sq (t *: M R p q w) = t ^+ 2 * fro_sq (M R p q w).
  rewrite /fro_sq mulr_sumr; apply: eq_bigr => i _; rewrite mulr_sumr; apply: eq_bigr => j _.
  by rewrite mxE exprMn.
rewrite sqrtrM ?sqr_ge0 // sqrtr_sqr gtr0_norm // ler_piMr ?(ltW t0) //.
by rewrite -[X in _ <= X]sqrtr1 ler_wsqrtr // (fro_mat sh).
Qed.
Theorem prop_2_output_frobenius_refuted : ~ prop_2_output_frobenius R.
Proof.
have [w [hs hh ex [sh fr]]] : exists w, [/\ sound 3 3 3 3 3 3 w, hypotheses 3 3 w,
    exceeds 3 3 w (move_output 3) (four (qsim (output1 3 w) (output2 3 w) (wn w))) (qmm 3 (wA w) (wB w))
    & shape 3 3 (qmm 3 (wA w) (wB w)) /\ Qle_bool (qfro (qmm 3 (wA w) (wB w))) Q1].
  by exists Witnesses.prop_2_output_frobenius; split; [| | |split]; vm_compute.
have [[X1 X2 X1' X2'] SX] := defined R hs hh; have [[Y1 Y2 Y1' Y2'] [s0 SY]] := defined_outputs R hs hh.
have [[_ _ rp rq] [eM _]] := shapes R hs.
move=> /(_ _ _ _ _ _ _ _ _ _ X1 X2 X1' X2' SX Y1 Y2 Y1' Y2' SY) [K [e0 [he0 H]]].
apply: (output_core hs hh ex he0) => t ht n1 n2 n3 n4; rewrite fourE -s0.
exact: (H _ _ _ _ ht rp (fro_ball sh fr eM (proj1 (andP ht))) n1 n2 n3 n4).
Qed.
Theorem prop_2_input_frobenius_refuted : ~ prop_2_input_frobenius R.
Proof.
have [w [hs hh ex [sh fr]]] : exists w, [/\ sound 2 2 2 2 2 2 w, hypotheses 2 2 w,
    exceeds 2 2 w (move_input 2 2) (four (qsim (output1 2 w) (output2 2 w) (wn w))) (qmm 2 (wA w) (wB w))
    & shape 2 2 (qmm 2 (wA w) (wB w)) /\ Qle_bool (qfro (qmm 2 (wA w) (wB w))) Q1].
  by exists ce1; split; [| | |split]; vm_compute.
have [[X1 X2 X1' X2'] SX] := defined R hs hh; have [[Y1 Y2 Y1' Y2'] [s0 SY]] := defined_outputs R hs hh.
have [[_ _ rp rq] [eM _]] := shapes R hs.
move=> /(_ _ _ _ _ _ _ _ _ _ X1 X2 X1' X2' SX Y1 Y2 Y1' Y2' SY) [K [e0 [he0 H]]].
apply: (input_core hs hh ex erefl he0) => t ht n1 n2 n3 n4; rewrite fourE -s0.
exact: (H _ _ _ _ ht rp (fro_ball sh fr eM (proj1 (andP ht))) n1 n2 n3 n4).
Qed.

(* LoRA: (1 + s) times the sum of the stretches |x|/|xW|, from the lengths *)
Definition long u k := Qlt_bool Q0 k && Qeq_bool (Qmult k k) (qdot u u).
Lemma longP n u k : size u = n -> long u k -> norm (row_of n u) = q2r k.
Proof.
move=> su /andP[/(q2r_gt0 R) h /(q2r_eq R)]; rewrite q2rM -(dot_row R su su) => e.
by rewrite /norm -e -expr2 sqrtr_sqr gtr0_norm.
Qed.
Definition stretch4 w := let l i := nth (Q1, Q1) (wlengths w) i in let s i := Qmult (l i).1 (Qinv (l i).2) in
  Qplus (Qplus (Qplus (s 0%N) (s 1%N)) (s 2%N)) (s 3%N).
Definition lengths d w := let l i := nth (Q1, Q1) (wlengths w) i in
  [&& long (wx1 w) (l 0%N).1, long (wx2 w) (l 1%N).1, long (wx1' w) (l 2%N).1, long (wx2' w) (l 3%N).1,
   long (output1 d w) (l 0%N).2, long (output2 d w) (l 1%N).2, long (output1' d w) (l 2%N).2 & long (output2' d w) (l 3%N).2].
Lemma lengthsP c d w : sound c d c d c d w -> lengths d w ->
  let l i := nth (Q1, Q1) (wlengths w) i in
  [/\ norm (x1 R c w) = q2r (l 0%N).1, norm (x2 R c w) = q2r (l 1%N).1, norm (x1' R c w) = q2r (l 2%N).1 & norm (x2' R c w) = q2r (l 3%N).1] /\
  [/\ norm (x1 R c w *m W R c d w) = q2r (l 0%N).2, norm (x2 R c w *m W R c d w) = q2r (l 1%N).2,
    norm (x1' R c w *m W' R c d w) = q2r (l 2%N).2 & norm (x2' R c w *m W' R c d w) = q2r (l 3%N).2].
Proof.
move=> hs /andP[l1 /andP[l2 /andP[l3 /andP[l4 /andP[m1 /andP[m2 /andP[m3 m4]]]]]]].
have [[s1 s2 s3 s4] _] := sound_shapes hs; have [-> -> -> ->] := images R hs.
by split; split; apply: longP => //; exact: size_qmul.
Qed.
Definition bound w d := Qmult (Qplus Q1 (qsim (output1 d w) (output2 d w) (wn w))) (stretch4 w).

Theorem prop_1_refuted : ~ prop_1 R.
Proof.
have [w [hs hh ex ln]] : exists w, [/\ sound 3 3 3 3 3 3 w, hypotheses 3 3 w,
    exceeds 3 3 w (move_lora 3) (bound w 3) (qmm 3 (wA w) (wB w)) & lengths 3 w].
  by exists ce3; split; vm_compute.
have [[X1 X2 X1' X2'] SX] := defined R hs hh; have [[Y1 Y2 Y1' Y2'] [s0 SY]] := defined_outputs R hs hh.
have [[_ _ rp rq] [_ ball]] := shapes R hs; have [[a1 a2 a3 a4] [b1 b2 b3 b4]] := lengthsP hs ln.
move=> /(_ _ _ _ _ _ _ _ _ X1 X2 X1' X2' SX Y1 Y2 Y1' Y2' SY) [K [e0 [he0 H]]].
apply: (lora_core (K := K) hs hh ex he0) => t ht n1 n2 n3 n4.
apply: (le_trans (H _ _ _ _ ht rp rq (scaled_ball ball (proj1 (andP ht))) n1 n2 n3 n4)).
rewrite s0 a1 a2 a3 a4 b1 b2 b3 b4 /bound /stretch4 /= !(q2rM, q2rD, q2rV) q2r1.
by rewrite mulrAC lexx.
Qed.
Theorem prop_1_frobenius_refuted : ~ prop_1_frobenius R.
Proof.
have [w [hs hh ex [sh fr ln]]] : exists w, [/\ sound 3 3 3 3 3 3 w, hypotheses 3 3 w,
    exceeds 3 3 w (move_lora 3) (bound w 3) (qmm 3 (wA w) (wB w))
    & [/\ shape 3 3 (qmm 3 (wA w) (wB w)), Qle_bool (qfro (qmm 3 (wA w) (wB w))) Q1 & lengths 3 w]].
  by exists Witnesses.prop_1_frobenius; split; [| | |split]; vm_compute.
have [[X1 X2 X1' X2'] SX] := defined R hs hh; have [[Y1 Y2 Y1' Y2'] [s0 SY]] := defined_outputs R hs hh.
have [[_ _ rp rq] [eM _]] := shapes R hs; have [[a1 a2 a3 a4] [b1 b2 b3 b4]] := lengthsP hs ln.
move=> /(_ _ _ _ _ _ _ _ _ X1 X2 X1' X2' SX Y1 Y2 Y1' Y2' SY) [K [e0 [he0 H]]].
apply: (lora_core (K := K) hs hh ex he0) => t ht n1 n2 n3 n4.
apply: (le_trans (H _ _ _ _ ht rp rq (fro_ball sh fr eM (proj1 (andP ht))) n1 n2 n3 n4)).
rewrite s0 a1 a2 a3 a4 b1 b2 b3 b4 /bound /stretch4 /= !(q2rM, q2rD, q2rV) q2r1.
by rewrite mulrAC lexx.
Qed.
(* the second term of Sec. 4: |x2'|/|x2 W| *)
Definition stretch_main w := let l i := nth (Q1, Q1) (wlengths w) i in let s i j := Qmult (l i).1 (Qinv (l j).2) in
  Qplus (Qplus (Qplus (s 0%N 0%N) (s 3%N 1%N)) (s 2%N 2%N)) (s 3%N 3%N).
Definition bound_main w d := Qmult (Qplus Q1 (qsim (output1 d w) (output2 d w) (wn w))) (stretch_main w).
Theorem prop_1_main_refuted : ~ prop_1_main R.
Proof.
have [w [hs hh ex ln]] : exists w, [/\ sound 3 3 3 3 3 3 w, hypotheses 3 3 w,
    exceeds 3 3 w (move_lora 3) (bound_main w 3) (qmm 3 (wA w) (wB w)) & lengths 3 w].
  by exists ce5; split; vm_compute.
have [[X1 X2 X1' X2'] SX] := defined R hs hh; have [[Y1 Y2 Y1' Y2'] [s0 SY]] := defined_outputs R hs hh.
have [[_ _ rp rq] [_ ball]] := shapes R hs; have [[a1 a2 a3 a4] [b1 b2 b3 b4]] := lengthsP hs ln.
move=> /(_ _ _ _ _ _ _ _ _ X1 X2 X1' X2' SX Y1 Y2 Y1' Y2' SY) [K [e0 [he0 H]]].
apply: (lora_core (K := K) hs hh ex he0) => t ht n1 n2 n3 n4.
apply: (le_trans (H _ _ _ _ ht rp rq (scaled_ball ball (proj1 (andP ht))) n1 n2 n3 n4)).
rewrite s0 a1 a3 a4 b1 b2 b3 b4 /bound_main /stretch_main /= !(q2rM, q2rD, q2rV) q2r1.
by rewrite mulrAC lexx.
Qed.

(* ||AB||^2 <= e: with AB = t M and e = t^2 any multiple of e is of second order in t *)
Definition reaches p q w := [&& size (wtop w) == p, nonzero (wtop w), size (qmm q (wA w) (wB w)) == p &
  Qeq_bool (qdot (qmul q (wtop w) (qmm q (wA w) (wB w))) (qmul q (wtop w) (qmm q (wA w) (wB w)))) (qdot (wtop w) (wtop w))].
Lemma literal_spectral p q w (t : R) : reaches p q w -> spectral_le (A R p w *m B R q w) 1 ->
  A R p w *m B R q w = M R p q w -> 0 < t -> spectral ((t *: A R p w) *m B R q w) t.
Proof.
move=> /andP[/eqP st /andP[nz /andP[/eqP sN /(q2r_eq R) top]]] ball e t0; split; [exact: ltW|exact: scaled_ball|].
move=> b b0 /(_ (row_of p (wtop w))); rewrite -scalemxAl e /M -scalemxAr (mul_row R q st sN) normZ gtr0_norm //.
rewrite /norm !dot_row ?size_qmul // top -(dot_row R st st) -/(norm _) ler_pM2r //.
by apply: norm_gt0; exact: nonzero_row.
Qed.
Lemma literal_step (a K e0 t : R) : 0 < e0 -> 0 < t <= Num.min 1 e0 ->
  0 < t ^+ 2 <= e0 /\ a * t ^+ 2 + K * (t ^+ 2) ^+ 2 <= q2r Q0 * t + (`|a| + `|K|) * t ^+ 2.
Proof.
move=> he /andP[t0]; rewrite le_min => /andP[t1 te].
have tt : t ^+ 2 <= t by rewrite expr2 ler_piMr // ltW.
have t2 : 0 < t ^+ 2 by rewrite exprn_gt0.
split; first by rewrite t2 (le_trans tt).
rewrite q2r0 mul0r add0r mulrDl; apply: lerD; first by rewrite ler_wpM2r ?(ltW t2) // ler_norm.
apply: (@le_trans _ _ (`|K| * (t ^+ 2) ^+ 2)); first by rewrite ler_wpM2r ?sqr_ge0 // ler_norm.
by rewrite ler_wpM2l ?normr_ge0 // expr2 ler_piMr ?(ltW t2) // (le_trans tt).
Qed.
Theorem prop_2_output_literal_refuted : ~ prop_2_output_literal R.
Proof.
have [w [hs hh ex rc]] : exists w, [/\ sound 3 3 3 3 3 3 w, hypotheses 3 3 w,
    exceeds 3 3 w (move_output 3) Q0 (qmm 3 (wA w) (wB w)) & reaches 3 3 w].
  by exists ce4_output; split; vm_compute.
have [[X1 X2 X1' X2'] SX] := defined R hs hh; have [[Y1 Y2 Y1' Y2'] [s0 SY]] := defined_outputs R hs hh.
have [[_ _ rp rq] [eM ball]] := shapes R hs.
move=> /(_ _ _ _ _ _ _ _ _ _ X1 X2 X1' X2' SX Y1 Y2 Y1' Y2' SY) [K [e0 [he0 H]]].
set a := 4 * _ in H; have m0 : 0 < Num.min 1 e0 by rewrite lt_min ltr01.
apply: (output_core (K := `|a| + `|K|) hs hh ex m0) => t ht n1 n2 n3 n4; have [t2 fin] := literal_step a K he0 ht.
have := H _ _ _ _ _ t2 rp (literal_spectral rc ball eM (proj1 (andP ht))) (lexx _) n1 n2 n3 n4.
by move=> h; apply: (le_trans h).
Qed.
Theorem prop_2_input_literal_refuted : ~ prop_2_input_literal R.
Proof.
have [w [hs hh ex rc]] : exists w, [/\ sound 3 3 3 3 3 3 w, hypotheses 3 3 w,
    exceeds 3 3 w (move_input 3 3) Q0 (qmm 3 (wA w) (wB w)) & reaches 3 3 w].
  by exists ce4_input; split; vm_compute.
have [[X1 X2 X1' X2'] SX] := defined R hs hh; have [[Y1 Y2 Y1' Y2'] [s0 SY]] := defined_outputs R hs hh.
have [[_ _ rp rq] [eM ball]] := shapes R hs.
move=> /(_ _ _ _ _ _ _ _ _ _ X1 X2 X1' X2' SX Y1 Y2 Y1' Y2' SY) [K [e0 [he0 H]]].
set a := 4 * _ in H; have m0 : 0 < Num.min 1 e0 by rewrite lt_min ltr01.
apply: (input_core (K := `|a| + `|K|) hs hh ex erefl m0) => t ht n1 n2 n3 n4; have [t2 fin] := literal_step a K he0 ht.
have := H _ _ _ _ _ t2 rp (literal_spectral rc ball eM (proj1 (andP ht))) (lexx _) n1 n2 n3 n4.
by move=> h; apply: (le_trans h).
Qed.
Theorem prop_1_literal_refuted : ~ prop_1_literal R.
Proof.
have [w [hs hh ex rc]] : exists w, [/\ sound 3 3 3 3 3 3 w, hypotheses 3 3 w,
    exceeds 3 3 w (move_lora 3) Q0 (qmm 3 (wA w) (wB w)) & reaches 3 3 w].
  by exists ce4_lora; split; vm_compute.
have [[X1 X2 X1' X2'] SX] := defined R hs hh; have [[Y1 Y2 Y1' Y2'] [s0 SY]] := defined_outputs R hs hh.
have [[_ _ rp rq] [eM ball]] := shapes R hs.
move=> /(_ _ _ _ _ _ _ _ _ X1 X2 X1' X2' SX Y1 Y2 Y1' Y2' SY) [K [e0 [he0 H]]].
set st := norm _ / _ + _ + _ + _ in H; set a := 1 + _ in H; have m0 : 0 < Num.min 1 e0 by rewrite lt_min ltr01.
apply: (lora_core (K := `|a * st| + `|K|) hs hh ex m0) => t ht n1 n2 n3 n4; have [t2 fin] := literal_step (a * st) K he0 ht.
have := H _ _ _ _ _ t2 rp rq (literal_spectral rc ball eM (proj1 (andP ht))) (lexx _) n1 n2 n3 n4.
by move=> h; apply: (le_trans h); rewrite mulrAC.
Qed.
End Refuted.
End Refuted.
