(* A witness against a bound to first order: rational data, a check that Coq computes, and what follows from it. *)
From Coq Require Import ZArith QArith.
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import ring lra ssrZ.
From ioadapt Require Import Vocabulary Norms Cosine FirstOrder Rationals.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Definition Qlt_bool a b := ~~ Qle_bool b a.

(* W (c x d) and W' (c' x d'), four inputs, AB of norm 1 as A (p x r) and B (r x q); the certificate of its norm, a row that
   it does not shorten; the products of the norms of the two outputs of each model; norms of the inputs and of the outputs *)
Record witness := Witness {
  wc : nat; wd : nat; wc' : nat; wd' : nat; wp : nat; wq : nat; wr : nat;
  wW : seq (seq Q); wW' : seq (seq Q); wx1 : seq Q; wx2 : seq Q; wx1' : seq Q; wx2' : seq Q;
  wA : seq (seq Q); wB : seq (seq Q); wds : seq (Q * seq Q); wtop : seq Q; wn : Q; wn' : Q; wlengths : seq (Q * Q) }.

Section Witness.
Variable R : rcfType.
Local Notation q2r := (@q2r R). Local Notation row_of := (@row_of R). Local Notation mat_of := (@mat_of R).

Lemma q2rV a : q2r (Qinv a) = (q2r a)^-1.
Proof.
case: a => [[|p|p] d]; rewrite /q2r /Qinv /Rationals.q2r /=.
- by rewrite /z2r /= !mul0r invr0.
- by rewrite invf_div.
by rewrite -(Pos2Z.opp_pos p) -(Pos2Z.opp_pos d) !z2rN invf_div mulNr invrN mulrN.
Qed.
Lemma q2r_gt0 a : Qlt_bool Q0 a -> 0 < q2r a.
Proof. by move/(q2r_lt R); rewrite q2r0. Qed.
Lemma q2r_neq0 a : Qlt_bool Q0 a -> q2r a != 0.
Proof. by move/q2r_gt0 => h; rewrite gt_eqF. Qed.

Definition nonzero u := Qlt_bool Q0 (qdot u u).
Lemma nonzero_row n u : size u = n -> nonzero u -> row_of n u != 0.
Proof.
move=> hu /q2r_gt0; rewrite -(dot_row R hu hu) => h; apply/eqP => k.
by move: h; rewrite k dot0l ltxx.
Qed.

Definition same_sim u v u' v' :=
  Qle_bool Q0 (Qmult (qdot u v) (qdot u' v')) &&
  Qeq_bool (Qmult (Qmult (qdot u v) (qdot u v)) (Qmult (qdot u' u') (qdot v' v')))
           (Qmult (Qmult (qdot u' v') (qdot u' v')) (Qmult (qdot u u) (qdot v v))).
Lemma same_simP n n' u v u' v' : size u = n -> size v = n -> size u' = n' -> size v' = n' ->
  nonzero u -> nonzero v -> nonzero u' -> nonzero v' -> same_sim u v u' v' ->
  sim (row_of n u) (row_of n v) = sim (row_of n' u') (row_of n' v').
Proof.
move=> su sv su' sv' /q2r_gt0 + /q2r_gt0 + /q2r_gt0 + /q2r_gt0 + /andP[/(q2r_le R) + /(q2r_eq R)].
rewrite q2r0 !q2rM -!(dot_row R su su) -!(dot_row R sv sv) -!(dot_row R su' su') -!(dot_row R sv' sv') -!(dot_row R su sv) -!(dot_row R su' sv').
rewrite /sim; move: (row_of n u) (row_of n v) (row_of n' u') (row_of n' v') => {u v u' v' su sv su' sv'} u v u' v'.
rewrite -!norm_sq => a0 b0 a0' b0' hs heq.
have pos (x : R) : 0 < x ^+ 2 -> 0 <= x -> 0 < x by move=> h k; rewrite lt_def k andbT; apply/eqP => z; move: h; rewrite z expr0n ltxx.
have := pos _ a0 (norm_ge0 u); have := pos _ b0 (norm_ge0 v); have := pos _ a0' (norm_ge0 u'); have := pos _ b0' (norm_ge0 v').
move: (norm u) (norm v) (norm u') (norm v') (dot u v) (dot u' v') hs heq {a0 b0 a0' b0'} => a b a' b' p p' hs heq b0' a0' b0 a0.
have d0 : 0 < a * b by rewrite mulr_gt0. have d0' : 0 < a' * b' by rewrite mulr_gt0.
apply/eqP; rewrite eqr_div; [|by rewrite gt_eqF|by rewrite gt_eqF]; apply/eqP.
have sq : (p * (a' * b')) ^+ 2 = (p' * (a * b)) ^+ 2 by lra.
have same : 0 <= p * (a' * b') * (p' * (a * b)).
  have -> : p * (a' * b') * (p' * (a * b)) = p * p' * (a * b * (a' * b')) by ring.
  by rewrite mulr_ge0 // mulr_ge0 // ltW.
move/eqP: sq; rewrite eqf_sqr => /orP[/eqP //|/eqP h]; rewrite h; rewrite h in same.
have : (p' * (a * b)) ^+ 2 = 0.
  by apply/eqP; rewrite eq_le sqr_ge0 andbT; rewrite expr2; lra.
by move/eqP; rewrite sqrf_eq0 => /eqP ->; rewrite oppr0.
Qed.

Definition root u v n := Qlt_bool Q0 n && Qeq_bool (Qmult n n) (Qmult (qdot u u) (qdot v v)).
Lemma rootP n u v k : size u = n -> size v = n -> root u v k -> norm (row_of n u) * norm (row_of n v) = q2r k.
Proof.
move=> su sv /andP[/q2r_gt0 h /(q2r_eq R)]; rewrite !q2rM -(dot_row R su su) -(dot_row R sv sv) => e.
by rewrite /norm -sqrtrM ?dot_ge0 // -e -expr2 sqrtr_sqr gtr0_norm.
Qed.
Definition qsim u v k := Qmult (qdot u v) (Qinv k).
Lemma qsimP n u v k : size u = n -> size v = n -> root u v k -> sim (row_of n u) (row_of n v) = q2r (qsim u v k).
Proof. by move=> su sv h; rewrite /sim (rootP su sv h) q2rM q2rV dot_row. Qed.
Definition qdelta u v du dv k :=
  Qplus (Qmult (Qplus (qdot du v) (qdot u dv)) (Qinv k))
    (Qopp (Qmult (qsim u v k) (Qplus (Qmult (qdot u du) (Qinv (qdot u u))) (Qmult (qdot v dv) (Qinv (qdot v v)))))).
Lemma qdeltaP n u v du dv k : size u = n -> size v = n -> size du = n -> size dv = n -> root u v k ->
  delta (row_of n u) (row_of n v) (row_of n du) (row_of n dv) = q2r (qdelta u v du dv k).
Proof.
move=> su sv sdu sdv h; rewrite /delta (qsimP su sv h) (rootP su sv h) !norm_sq.
by rewrite q2rD q2rN !q2rM !q2rD !q2rM !q2rV !dot_row.
Qed.

Definition apart (b a a' : Q) := Qlt_bool b (Qplus a (Qopp a')) || Qlt_bool b (Qplus a' (Qopp a)).
Lemma apartP b a a' : apart b a a' -> q2r b < `|q2r a - q2r a'|.
Proof.
case/orP => /(q2r_lt R); rewrite q2rD q2rN => h; apply: (lt_le_trans h); first exact: ler_norm.
by rewrite distrC; exact: ler_norm.
Qed.

(* the criterion where the cosines are of rows that are not zero *)
Lemma near n (u du : 'rV[R]_n) e : u != 0 -> 0 < e -> e * (norm du / norm u) <= 1 / 2 -> u + e *: du != 0.
Proof.
move=> hx he h; apply: (@stays _ _ _ _ (1/2)) => //; last by lra.
by rewrite normZ gtr0_norm // -ler_pdivrMr ?norm_gt0 // -mulrA.
Qed.
Theorem defined_criterion n n' (u v du dv : 'rV[R]_n) (u' v' du' dv' : 'rV[R]_n') (b K e0 : R) :
  u != 0 -> v != 0 -> u' != 0 -> v' != 0 -> sim u v = sim u' v' -> 0 < e0 ->
  (forall e, 0 < e <= e0 -> u + e *: du != 0 -> v + e *: dv != 0 -> u' + e *: du' != 0 -> v' + e *: dv' != 0 ->
    `|sim (u + e *: du) (v + e *: dv) - sim (u' + e *: du') (v' + e *: dv')| <= b * e + K * e ^+ 2) ->
  `|delta u v du dv - delta u' v' du' dv'| <= b.
Proof.
move=> hu hv hu' hv' hs h0 H.
pose r m (x y : 'rV[R]_m) := norm y / norm x.
have r0 m (x y : 'rV[R]_m) : 0 <= r m x y by rewrite /r divr_ge0 ?norm_ge0.
pose S := 1 + r _ u du + r _ v dv + r _ u' du' + r _ v' dv'.
have [s1 s2 s3 s4] : [/\ r _ u du <= S, r _ v dv <= S, r _ u' du' <= S & r _ v' dv' <= S].
  by have := r0 _ u du; have := r0 _ v dv; have := r0 _ u' du'; have := r0 _ v' dv'; rewrite /S; split; lra.
have hS : 0 < 2 * S by have := r0 _ u du; have := r0 _ v dv; have := r0 _ u' du'; have := r0 _ v' dv'; rewrite /S; lra.
have he1 : 0 < Num.min e0 (1 / (2 * S)) by rewrite lt_min h0 divr_gt0.
apply: (@criterion _ _ _ _ _ _ _ _ _ _ _ b K _ hu hv hu' hv' hs he1) => e /andP[e_gt].
rewrite le_min => /andP[e_e0]; rewrite ler_pdivlMr // => e_S.
have q m (x y : 'rV[R]_m) : r m x y <= S -> e * (norm y / norm x) <= 1 / 2.
  by move=> h; have := ler_wpM2l (ltW e_gt) h; rewrite /r; lra.
by apply: H; rewrite ?e_gt //; apply: near => //; apply: q.
Qed.
End Witness.
