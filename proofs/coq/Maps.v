(* What weights leave open, two-way maps, several layers, certificates, and Eq. 5, as the claims state them. *)
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype finfun bigop order.
From mathcomp Require Import ssralg ssrnum zmodp matrix mxalgebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary Rows Functions Statements.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(* Projections, orthogonality, and what a matrix does to norms. *)
Module Projections.
Import Norms SharedFunction Transfer.
Section Projections.
Variable R : rcfType.

Lemma fro2 m n (A : 'M[R]_(m, n)) : fro A ^+ 2 = inner A A.
Proof. by rewrite fro_sqE fro_inner. Qed.
Lemma fro0 m n (A : 'M[R]_(m, n)) : fro A = 0 -> A = 0.
Proof. by move=> h; apply: inner0; rewrite -fro2 h expr0n. Qed.
Lemma norm0 n (x : 'rV[R]_n) : norm x = 0 -> x = 0.
Proof. by move=> h; apply: dot_eq0; rewrite -norm_sq h expr0n. Qed.
Lemma froD2 m n (A B : 'M[R]_(m, n)) : fro (A + B) ^+ 2 = fro A ^+ 2 + 2 * inner A B + fro B ^+ 2.
Proof. by rewrite !fro2 innerDl !innerDr (innerC B); ring. Qed.
Lemma inner_left m n k (A : 'M[R]_(m, n)) (X : 'M_(m, k)) D : inner A (X *m D) = inner (X^T *m A) D.
Proof. by rewrite /inner trmx_mul mulmxA mxtrace_mulC mulmxA. Qed.
Lemma inner_right m n k (A : 'M[R]_(m, n)) (K : 'M_(k, n)) D : inner A (D *m K) = inner (A *m K^T) D.
Proof. by rewrite /inner trmx_mul mulmxA. Qed.
Lemma inner_tr m n (A B : 'M[R]_(m, n)) : inner A^T B^T = inner A B.
Proof. by rewrite /inner trmxK mxtrace_mulC -mxtrace_tr trmx_mul trmxK. Qed.
Lemma fro_tr m n (A : 'M[R]_(m, n)) : fro A^T = fro A.
Proof. by rewrite /fro fro_sq_tr. Qed.
Lemma fro_le m n p q (A : 'M[R]_(m, n)) (B : 'M[R]_(p, q)) : fro A ^+ 2 <= fro B ^+ 2 -> fro A <= fro B.
Proof. by move=> h; rewrite -(@ler_pXn2r _ 2) ?nnegrE ?fro_ge0. Qed.
Lemma fro_orthogonal m n (A B : 'M[R]_(m, n)) : inner A B = 0 -> fro A <= fro (A + B).
Proof. by move=> h; apply: fro_le; rewrite froD2 h mulr0 addr0 lerDl sqr_ge0. Qed.
Lemma norm_orthogonal n (x y : 'rV[R]_n) : dot x y = 0 -> norm x <= norm (x + y).
Proof.
move=> h; rewrite -(@ler_pXn2r _ 2) ?nnegrE ?norm_ge0 // !norm_sq !(dotDl, dotDr) (dotC y x) h addr0 add0r lerDl.
exact: dot_ge0.
Qed.
(* what stretches every row by at least s stretches a matrix by at least s *)
Lemma fro_low m n k (D : 'M[R]_(m, n)) (K : 'M[R]_(n, k)) s : 0 <= s -> (forall x : 'rV_n, s * norm x <= norm (x *m K)) ->
  s * fro D <= fro (D *m K).
Proof.
move=> s0 h; rewrite -(@ler_pXn2r _ 2) ?nnegrE ?mulr_ge0 ?fro_ge0 // exprMn !fro_sqE !fro_sq_rows mulr_sumr.
apply: ler_sum => i _; rewrite row_mul -!norm_sq -exprMn ler_pXn2r ?nnegrE ?mulr_ge0 ?norm_ge0 //; exact: h.
Qed.
(* a projection and the rest *)
Lemma rank_rest n (P : 'M[R]_n) : P *m P = P -> (\rank (1%:M - P)%R + \rank P)%N = n.
Proof.
move=> h; have a : (1%:M - P <= kermx P)%MS by apply/sub_kermxP; rewrite mulmxBl mul1mx h subrr.
have b : (kermx P <= 1%:M - P)%MS by apply/submxP; exists (kermx P); rewrite mulmxBr mulmx1 mulmx_ker subr0.
have -> : \rank (1%:M - P)%R = (n - \rank P)%N by apply/eqP; rewrite eqn_leq -mxrank_ker !mxrankS.
by rewrite subnK ?rank_leq_row.
Qed.
Lemma rank_left c d (W : 'M[R]_(c, d)) P : pinv W P -> \rank (W *m P) = \rank W.
Proof.
by case=> h _ _ _; apply/eqP; rewrite eqn_leq mxrankM_maxl -{1}h mxrankM_maxl.
Qed.
Lemma rank_right c d (W : 'M[R]_(c, d)) P : pinv W P -> \rank (P *m W) = \rank W.
Proof.
by case=> h _ _ _; apply/eqP; rewrite eqn_leq mxrankM_maxr -{1}h -mulmxA mxrankM_maxr.
Qed.
End Projections.
End Projections.

Module HoldsMaps.
Import Norms Cosine SharedFunction Transfer Projections.
Section HoldsMaps.
Variable R : rcfType.

Theorem eq_5_row_rank_holds : eq_5_row_rank R.
Proof.
move=> c d n x W P _ r A B.
rewrite !(mulmxDr, mulmxBr, mulmxBl, mulmxN, mulmx1) opprD addrACA subrr add0r !mulmxA.
by rewrite -mulmxBl.
Qed.

(* what weights leave open *)
Theorem effect_least_loss_holds : effect_least_loss R.
Proof.
split=> [c d n r g h l' f p s hb hp hr hs s0|v w v0 w0].
  have -> : fro (f *m (g *m h)) = fro (f *m g).
    by apply: (@pexpIrn _ 2); rewrite ?nnegrE ?fro_ge0 // !fro2 mulmxA inner_right -mulmxA hb mulmx1.
  rewrite ler_pdivlMr // mulrC.
  have -> : f *m (l' - g *m h) = f *m g *m (p *m (l' - g *m h)) by rewrite -{1}hr !mulmxA.
  apply: fro_low; first exact: ltW.
  have rd : (r <= d)%N by rewrite -(mxrank1 R r) -hb; apply: leq_trans (mxrankM_maxl _ _) (rank_leq_col _).
  move=> x; case: hs => [_ _ least]; rewrite /wide rd in least.
  have [->|hx] := eqVneq x 0; first by rewrite mul0mx /norm !dot0l sqrtr0 mulr0.
  have px := norm_gt0 hx; rewrite -ler_pdivlMr //; apply: least; first by rewrite divr_ge0 ?norm_ge0.
  exists x => [|y]; first by rewrite /row_free rank_rV hx.
  by rewrite (mx11_scalar y) !mul_scalar_mx -scalemxAl !normZ mulrCA divfK // gt_eqF.
have vn : v != 0 by rewrite gt_eqF.
have fE (a : R) : fro (a%:M : 'M[R]_1) = `|a|.
  by rewrite /fro /fro_sq !big_ord_recl !big_ord0 !mxE eqxx mulr1n !addr0 sqrtr_sqr.
exists 1%N, 1%N, 1%N, 1%N, 1%:M, 1%:M, (1 + v)%:M, (w / v)%:M, 1%:M, v.
have e : (1 + v)%:M - 1%:M = v%:M :> 'M[R]_1 by rewrite -raddfB /=; congr _%:M; ring.
rewrite trmx1 !mulmx1 e !mul1mx -scalar_mxM !fE divfK // !gtr0_norm ?divr_gt0 //.
split=> //; split; first by split; rewrite ?mulmx1 ?trmx1.
split=> //; split; last by do 3 (split=> //); rewrite divr_gt0.
have nE (x : 'rV[R]_1) : norm (x *m v%:M) = v * norm x by rewrite mul_mx_scalar normZ gtr0_norm.
split; first exact: ltW.
  by exists 1%:M => [|x]; [rewrite /row_free mxrank1|rewrite mulmx1 nE].
move=> b b0 [V hV h]; have Vn : V != 0 by move: hV; rewrite /row_free rank_rV; case: (V != 0).
by have := h 1%:M; rewrite mul1mx nE ler_pM2r // norm_gt0.
Qed.
Theorem effect_weights_only_holds : effect_weights_only R.
Proof.
move=> c d l l' u v s t p s0 t0 hp hr hs; split; last by ring.
have e : u *m (l' - l) = u *m l *m (p *m (l' - l)) by rewrite -{1}hr !mulmxA.
apply: (@pexpIrn _ 2); rewrite ?nnegrE ?norm_ge0 ?mulr_ge0 ?norm_ge0 ?(ltW s0) // exprMn !norm_sq e.
by rewrite dot_mx hs dotZr.
Qed.
Theorem effect_isometry_holds : effect_isometry R.
Proof.
move=> c d n l l' f t p t0 hp hr hi; set K := p *m (l' - l) in hi.
have KK : K *m K^T = (t ^+ 2)%:M.
  have tt : t ^+ 2 != 0 by rewrite gt_eqF // exprn_gt0.
  by rewrite -scalemx1 -hi scalerA mulrC div1r mulVf // scale1r.
apply: (@pexpIrn _ 2); rewrite ?nnegrE ?fro_ge0 ?mulr_ge0 ?fro_ge0 ?(ltW t0) // exprMn !fro2 -hr -mulmxA -/K (mulmxA f).
by rewrite inner_right -mulmxA KK mul_mx_scalar innerZl.
Qed.
Theorem effect_unbounded_holds : effect_unbounded R.
Proof.
move=> c d l l' u v t t0 /norm0 hv; split.
  by rewrite mulmxDl hv add0r -scalemxAl normZ gtr0_norm.
have := norm_triangle ((v + t *: u) *m (l' - l)) (- (t *: (u *m (l' - l)))).
rewrite mulmxDl -scalemxAl addrK normN normZ gtr0_norm // mulmxBr hv subr0; lra.
Qed.

(* two-way maps *)
Section Fit.
Variables (c d n r : nat) (x : 'M[R]_(n, c)) (u : 'M[R]_(n, d)) (k : 'M[R]_(r, d)) (h : 'M[R]_(r, c)).
Lemma inner_back (B : 'M[R]_(r, c)) (D : 'M[R]_(c, d)) : inner B (k *m D^T) = inner (B^T *m k) D.
Proof. by rewrite -inner_tr trmx_mul trmxK inner_right trmxK. Qed.
Lemma misfit_expand (p D : 'M[R]_(c, d)) : fro (x *m (p + D) - u) ^+ 2 + fro (k *m (p + D)^T - h) ^+ 2
  = fro (x *m p - u) ^+ 2 + fro (k *m p^T - h) ^+ 2 + (fro (x *m D) ^+ 2 + fro (k *m D^T) ^+ 2)
    + 2 * inner (x^T *m x *m p + p *m (k^T *m k) - (x^T *m u + h^T *m k)) D.
Proof.
have -> : x *m (p + D) - u = (x *m p - u) + x *m D by rewrite mulmxDr addrAC.
have -> : k *m (p + D)^T - h = (k *m p^T - h) + k *m D^T by rewrite raddfD /= mulmxDr addrAC.
rewrite !froD2 inner_left inner_back.
have e1 : x^T *m (x *m p - u) = x^T *m x *m p - x^T *m u by rewrite mulmxBr mulmxA.
have e2 : (k *m p^T - h)^T *m k = p *m (k^T *m k) - h^T *m k.
  by rewrite linearB /= trmx_mul trmxK mulmxBl mulmxA.
have -> : x^T *m x *m p + p *m (k^T *m k) - (x^T *m u + h^T *m k) = x^T *m (x *m p - u) + (k *m p^T - h)^T *m k.
  by rewrite e1 e2 opprD addrACA.
rewrite innerDl; ring.
Qed.
Lemma silent (D : 'M[R]_(c, d)) : x^T *m x *m D + D *m (k^T *m k) = 0 -> x *m D = 0 /\ k *m D^T = 0.
Proof.
move=> e; have z : inner (x *m D) (x *m D) + inner (k *m D^T) (k *m D^T) = 0.
  rewrite inner_left inner_back trmx_mul trmxK -innerDl mulmxA -mulmxA.
  by rewrite (mulmxA x^T) -(mulmxA D) e /inner mul0mx mxtrace0.
have a : 0 <= inner (x *m D) (x *m D) by rewrite -fro2 sqr_ge0.
have b : 0 <= inner (k *m D^T) (k *m D^T) by rewrite -fro2 sqr_ge0.
by split; apply: inner0; lra.
Qed.
Lemma unique_fit (p o : 'M[R]_(c, d)) : \rank (x^T *m x) = c ->
  x^T *m x *m p + p *m (k^T *m k) = x^T *m u + h^T *m k ->
  x^T *m x *m o + o *m (k^T *m k) = x^T *m u + h^T *m k -> o = p.
Proof.
move=> hr hp ho; apply/eqP; rewrite -subr_eq0; apply/eqP.
have [hx _] : x *m (o - p) = 0 /\ k *m (o - p)^T = 0.
  apply: silent; transitivity ((x^T *m x *m o + o *m (k^T *m k)) - (x^T *m x *m p + p *m (k^T *m k))).
    by rewrite mulmxBr mulmxBl opprD addrACA.
  by rewrite ho hp subrr.
have U : x^T *m x \in unitmx by rewrite -row_free_unit /row_free hr.
by rewrite -(mulKmx U (o - p)) -mulmxA hx !mulmx0.
Qed.
End Fit.
Theorem two_way_normal_holds : two_way_normal R.
Proof.
move=> c d n r x u k h p o s l l0 e.
have main : fro (x *m o - u) ^+ 2 + fro (k *m o^T - h) ^+ 2 + l * fro (o - s) ^+ 2
  = fro (x *m p - u) ^+ 2 + fro (k *m p^T - h) ^+ 2 + l * fro (p - s) ^+ 2
    + (fro (x *m (o - p)) ^+ 2 + fro (k *m (o - p)^T) ^+ 2 + l * fro (o - p) ^+ 2).
  have eo : o = p + (o - p) by rewrite addrC subrK.
  rewrite {1 2}eo misfit_expand.
  have -> : o - s = (p - s) + (o - p) by apply/matrixP => i j; rewrite !mxE; ring.
  rewrite [fro (p - s + _) ^+ 2]froD2.
  have -> : x^T *m x *m p + p *m (k^T *m k) - (x^T *m u + h^T *m k) = (- l) *: (p - s).
    apply/eqP; rewrite subr_eq; apply/eqP.
    by rewrite -[LHS](addrK (l *: p)) e scaleNr scalerBr opprB [RHS]addrC addrA.
  by rewrite innerZl; ring.
split; first exact: main.
by rewrite main lerDl !addr_ge0 ?sqr_ge0 // mulr_ge0 ?sqr_ge0 // ltW.
Qed.
Theorem two_way_unique_holds : two_way_unique R.
Proof. by move=> c d n r x u k h p o hr hp ho; exact: unique_fit hr hp ho. Qed.
Theorem two_way_exact_holds : two_way_exact R.
Proof.
move=> c d n r x u k h p o hr hu hh ho; apply: unique_fit hr _ ho.
by rewrite hu hh trmx_mul trmxK !mulmxA.
Qed.
Theorem two_way_open_holds : two_way_open R.
Proof.
move=> c d n r x u k h p m p1 p2 h1 h2; case: (h1) => a1 a2 _ _; case: (h2) => b1 b2 _ _.
have zx : x *m (1%:M - p1 *m x) = 0 by rewrite mulmxBr mulmx1 mulmxA a1 subrr.
have zk : k *m (1%:M - p2 *m k)^T = 0.
  case: h2 => _ _ _ sym; rewrite linearB /= trmx1 sym.
  by rewrite mulmxBr mulmx1 mulmxA b1 subrr.
split.
  have -> : x *m (p + (1%:M - p1 *m x) *m m *m (1%:M - p2 *m k)) = x *m p.
    by rewrite [x *m (p + _)]mulmxDr mulmxA (mulmxA x) zx !mul0mx addr0.
  have -> // : k *m (p + (1%:M - p1 *m x) *m m *m (1%:M - p2 *m k))^T = k *m p^T.
  by rewrite linearD /= [k *m (_ + _)]mulmxDr trmx_mul mulmxA zk mul0mx addr0.
split.
  by rewrite -(rank_right h1); apply: rank_rest; rewrite mulmxA a2.
by rewrite -(rank_right h2); apply: rank_rest; rewrite mulmxA b2.
Qed.
Theorem two_way_effect_holds : two_way_effect R.
Proof. by move=> c d n r x u k h p q m <- <-; rewrite trmx_mul !mulmxA. Qed.
Theorem two_way_one_way_holds : two_way_one_way R.
Proof.
move=> c d n x u p /pinv_gram[e _ sym _].
have : (x *m (p *m x^T) *m x)^T = x^T by rewrite e.
by rewrite trmx_mul sym !mulmxA => ->.
Qed.
Theorem two_way_polar_holds : two_way_polar R.
Proof.
move=> d n r x u k h p o f hp ho e.
have fit q : q^T *m q = 1%:M -> fro (x *m q - u) ^+ 2 + fro (k *m q^T - h) ^+ 2
  = fro x ^+ 2 + fro u ^+ 2 + fro k ^+ 2 + fro h ^+ 2 - 2 * inner (p *m (f^T *m f)) q.
  move=> hq; have hq' := mulmx1C hq; rewrite !froD2 !innerNr !froN -e innerDl.
  have -> : fro (x *m q) ^+ 2 = fro x ^+ 2 by rewrite !fro2 inner_right -mulmxA hq' mulmx1.
  have -> : fro (k *m q^T) ^+ 2 = fro k ^+ 2 by rewrite !fro2 inner_right trmxK -mulmxA hq mulmx1.
  have -> : inner (x *m q) u = inner (x^T *m u) q by rewrite innerC inner_left.
  have -> : inner (k *m q^T) h = inner (h^T *m k) q by rewrite innerC inner_back.
  ring.
have at_q q : inner (p *m (f^T *m f)) q = inner f (f *m (p^T *m q)).
  by rewrite !inner_left trmxK.
rewrite (fit p hp) (fit o ho) lerD2l lerN2 ler_pM2l // !at_q hp mulmx1.
apply: le_trans (ler_norm _) _; apply: le_trans (inner_cauchy _ _) _; rewrite -fro2 expr2; apply: ler_wpM2l; first exact: fro_ge0.
apply: fro_le; rewrite !fro2 inner_right trmx_mul trmxK -!mulmxA (mulmxA o) (mulmx1C ho) mul1mx hp mulmx1 //.
Qed.
Theorem two_way_balanced_holds : two_way_balanced R.
Proof.
move=> d a b t g q hr hq e.
have G : g \in unitmx by rewrite -row_free_unit /row_free hr.
have T : invmx g *m t *m q *m (invmx g *m t *m q)^T = invmx g *m (t *m t^T) *m (invmx g)^T.
  by rewrite !trmx_mul !mulmxA -(mulmxA _ q) hq mulmx1.
have I : (invmx g)^T *m g^T = 1%:M by rewrite -trmx_mul mulmxV // trmx1.
rewrite T -e !mulmxA -(mulmxA _ (invmx g)^T g^T) I mulmx1 -(mulmxA _ g (invmx g)) mulmxV // mulmx1.
by rewrite ?mulmxA.
Qed.

(* several layers, noise, a gradient step *)
Theorem several_joint_holds : several_joint R.
Proof.
move=> n o p q s t e r1 r2 j1 j2 x1 x2 y1 y2 /fro0 h1 /fro0 h2; set E := e - _ in h1 h2 *.
have reach i l (r : 'M[R]_(n, i)) (j : 'M[R]_(l, o)) D : r^T *m E *m j^T = 0 -> inner E (r *m D *m j) = 0.
  by move=> z; rewrite inner_right inner_left mulmxA z /inner mul0mx mxtrace0.
have -> : e - (r1 *m y1 *m j1 + r2 *m y2 *m j2) = E + (r1 *m (x1 - y1) *m j1 + r2 *m (x2 - y2) *m j2).
  rewrite /E !mulmxBr !mulmxBl; move: (r1 *m x1 *m j1) (r2 *m x2 *m j2) (r1 *m y1 *m j1) (r2 *m y2 *m j2) => A B C D.
  by apply/matrixP => i j; rewrite !mxE; ring.
by apply: fro_orthogonal; rewrite innerDr !reach // addr0.
Qed.
Theorem several_noise_holds : several_noise R.
Proof. by move=> n q z sigma Omega x E p s0 hx _; rewrite (moment1 _ hx) fro_sq_tr fro_sqE. Qed.
Theorem several_gradient_holds : several_gradient R.
Proof.
move=> k e e' g a b s t _ _ _ _ he he'; set w := e - _; set v := g - _ => hw hv.
have A0 := norm_gt0 he'; have E0 := norm_gt0 he; have W0 := norm_gt0 hw; have V0 := norm_gt0 hv.
have A2 : norm e' ^+ 2 != 0 by rewrite gt_eqF // exprn_gt0.
have V2 : norm v ^+ 2 != 0 by rewrite gt_eqF // exprn_gt0.
have ow : dot w e' = 0 by rewrite /w dotDl dotNl dotZl -norm_sq divfK // subrr.
have ov : dot v e' = 0 by rewrite /v dotDl dotNl dotZl -norm_sq divfK // subrr.
have ev : dot e v = dot w v by rewrite /w dotDl dotNl dotZl (dotC e') ov mulr0 subr0.
have rest : e - (dot e e' / norm e' ^+ 2 *: e' + dot e v / norm v ^+ 2 *: v) = w - (dot w v / norm v ^+ 2) *: v.
  by rewrite opprD addrA ev.
rewrite rest; set z := w - _.
have ze : dot z e' = 0 by rewrite /z dotDl dotNl dotZl ow ov mulr0 subr0.
have zv : dot z v = 0 by rewrite /z dotDl dotNl dotZl -norm_sq divfK // subrr.
split; last first.
  have -> : e - ((a - b) *: e' + (s - t) *: g) = z + ((dot e e' / norm e' ^+ 2 - (a - b) - (s - t) * (dot g e' / norm e' ^+ 2)) *: e'
      + (dot w v / norm v ^+ 2 - (s - t)) *: v).
    by rewrite /z /w /v; apply/rowP => i; rewrite !mxE; ring.
  by apply: norm_orthogonal; rewrite dotDr !dotZr ze zv !mulr0 addr0.
have zz : norm z ^+ 2 = norm w ^+ 2 - dot w v ^+ 2 / norm v ^+ 2.
  rewrite norm_sq {2}/z dotDr dotNr dotZr zv mulr0 oppr0 addr0 /z dotDl dotNl dotZl (dotC v) -norm_sq; field.
  by rewrite ?expf_neq0 // gt_eqF.
have ww : norm w ^+ 2 = norm e ^+ 2 - dot e e' ^+ 2 / norm e' ^+ 2.
  rewrite norm_sq {2}/w dotDr dotNr dotZr ow mulr0 oppr0 addr0 /w dotDl dotNl dotZl (dotC e' e) -norm_sq; field.
  by rewrite ?expf_neq0 // gt_eqF.
have c2 : sim e e' ^+ 2 = dot e e' ^+ 2 / (norm e ^+ 2 * norm e' ^+ 2) by rewrite /sim; field; rewrite !gt_eqF.
have r2 : sim w v ^+ 2 = dot w v ^+ 2 / (norm w ^+ 2 * norm v ^+ 2) by rewrite /sim; field; rewrite !gt_eqF.
have wE : norm w ^+ 2 = norm e ^+ 2 * (1 - sim e e' ^+ 2) by rewrite ww c2; field; rewrite !gt_eqF.
have zE : norm z ^+ 2 = norm w ^+ 2 * (1 - sim w v ^+ 2) by rewrite zz r2; field; rewrite !gt_eqF.
rewrite zE wE; field; rewrite gt_eqF //.
Qed.

(* a certificate from rows *)
Theorem effect_certified_mean_holds : effect_certified_mean R.
Proof. by move=> k p u v h; rewrite dotZr subKr divfK // gt_eqF. Qed.
Theorem effect_certified_range_holds : effect_certified_range R.
Proof. by move=> d n b a t d0 n0 b0 a0 t0 db na; split; nra. Qed.
Lemma below_one n (u : 'rV[R]_n) i j : below u i -> below u j -> i = j.
Proof.
move=> /forallP hi /forallP hj; apply/eqP; apply: contraT => ij.
have a := hi j; have b := hj i; rewrite eq_sym ij /= in a; rewrite ij /= in b.
by have := lt_trans a b; rewrite ltxx.
Qed.
Lemma count_below n (u : 'rV[R]_n) : (\sum_i below u i <= 1)%N.
Proof.
have [/existsP[i hi]|/existsPn none] := boolP [exists i, below u i]; last first.
  by rewrite big1 // => i _; rewrite (negbTE (none i)).
rewrite (bigD1 i) //= big1 ?addn0 ?leq_b1 // => j ji.
by case hj: (below u j) => //; rewrite (below_one hi hj) eqxx in ji.
Qed.
Theorem effect_certified_next_holds : effect_certified_next R.
Proof.
move=> k u; rewrite /outside ler_nat; apply: leq_trans _ (leq_add (count_below u) (count_below (- u))).
by rewrite -big_split /=; apply: leq_sum => i _; case: (below u i); case: (below (- u) i).
Qed.
End HoldsMaps.
End HoldsMaps.
