(* Rows: inner products, norms, the cosine, and its first-order term. *)
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype finfun bigop order.
From mathcomp Require Import ssralg ssrnum zmodp matrix mxalgebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(* Inner products and norms in any dimension: Cauchy and Schwarz, triangle inequalities, products. *)
Module Norms.
Section Norms.
Variable R : rcfType.
Implicit Types n : nat.

Lemma dotC n (u v : 'rV[R]_n) : dot u v = dot v u.
Proof. by apply: eq_bigr => i _; rewrite mulrC. Qed.
Lemma dotDl n (u v w : 'rV[R]_n) : dot (u + v) w = dot u w + dot v w.
Proof. by rewrite -big_split; apply: eq_bigr => i _; rewrite !mxE mulrDl. Qed.
Lemma dotZl n a (u v : 'rV[R]_n) : dot (a *: u) v = a * dot u v.
Proof. by rewrite /dot mulr_sumr; apply: eq_bigr => i _; rewrite !mxE mulrA. Qed.
Lemma dotDr n (u v w : 'rV[R]_n) : dot w (u + v) = dot w u + dot w v.
Proof. by rewrite dotC dotDl !(dotC w). Qed.
Lemma dotZr n a (u v : 'rV[R]_n) : dot v (a *: u) = a * dot v u.
Proof. by rewrite dotC dotZl (dotC v). Qed.
Lemma dotNl n (u v : 'rV[R]_n) : dot (- u) v = - dot u v.
Proof. by rewrite -scaleN1r dotZl mulN1r. Qed.
Lemma dotNr n (u v : 'rV[R]_n) : dot v (- u) = - dot v u.
Proof. by rewrite dotC dotNl (dotC v). Qed.
Lemma dot_ge0 n (u : 'rV[R]_n) : 0 <= dot u u.
Proof. by apply: sumr_ge0 => i _; rewrite -expr2 sqr_ge0. Qed.
Lemma norm_ge0 n (u : 'rV[R]_n) : 0 <= norm u.
Proof. exact: sqrtr_ge0. Qed.
Lemma norm_sq n (u : 'rV[R]_n) : norm u ^+ 2 = dot u u.
Proof. by rewrite sqr_sqrtr // dot_ge0. Qed.
Lemma dot_eq0 n (u : 'rV[R]_n) : dot u u = 0 -> u = 0.
Proof.
move/eqP; rewrite psumr_eq0 => [/allP h|i _]; last by rewrite -expr2 sqr_ge0.
apply/rowP => i; rewrite mxE; apply/eqP; move: (h i); rewrite mem_index_enum => /(_ isT).
by rewrite mulf_eq0 orbb.
Qed.
Lemma norm_gt0 n (u : 'rV[R]_n) : u != 0 -> 0 < norm u.
Proof.
move=> hu; rewrite lt_def norm_ge0 andbT; apply: contra hu => /eqP h; apply/eqP/dot_eq0.
by rewrite -norm_sq h expr0n.
Qed.
Lemma dot0l n (v : 'rV[R]_n) : dot 0 v = 0.
Proof. by rewrite /dot big1 // => i _; rewrite mxE mul0r. Qed.
Lemma cauchy n (u v : 'rV[R]_n) : dot u v ^+ 2 <= dot u u * dot v v.
Proof.
have [->|hv] := eqVneq v 0.
  by rewrite dotC dot0l (dot0l 0) mulr0 expr0n.
have hvv : 0 < dot v v by rewrite -norm_sq exprn_gt0 // norm_gt0.
have := dot_ge0 (dot v v *: u - dot u v *: v).
rewrite dotDl !dotDr !dotNl !dotNr !dotZl !dotZr (dotC v u) => h.
have {}h : 0 <= dot v v * (dot u u * dot v v - dot u v ^+ 2) by apply: le_trans h _; rewrite le_eqVlt; apply/orP; left; apply/eqP; ring.
by rewrite pmulr_rge0 // subr_ge0 in h.
Qed.
Lemma cauchy_norm n (u v : 'rV[R]_n) : `|dot u v| <= norm u * norm v.
Proof.
rewrite -(@ler_pXn2r _ 2) // ?nnegrE ?normr_ge0 ?mulr_ge0 ?norm_ge0 //.
by rewrite exprMn !norm_sq real_normK ?num_real // cauchy.
Qed.

Lemma sim_le1 n (u v : 'rV[R]_n) : u != 0 -> v != 0 -> `|sim u v| <= 1.
Proof.
move=> hu hv; have pu := norm_gt0 hu; have pv := norm_gt0 hv.
by rewrite /sim normrM normfV (gtr0_norm (mulr_gt0 pu pv)) ler_pdivrMr ?mulr_gt0 // mul1r cauchy_norm.
Qed.

(* Props. 3-5, deterministic part *)
Lemma norm_triangle n (u v : 'rV[R]_n) : norm (u + v) <= norm u + norm v.
Proof.
rewrite -(@ler_pXn2r _ 2) // ?nnegrE ?addr_ge0 ?norm_ge0 //.
rewrite norm_sq dotDl !dotDr (dotC v u) sqrrD !norm_sq.
have := ler_norm (dot u v); have := cauchy_norm u v; rewrite mulr2n; lra.
Qed.
Lemma fro_sq_rows m n (M : 'M[R]_(m,n)) : fro_sq M = \sum_i dot (row i M) (row i M).
Proof. by apply: eq_bigr => i _; apply: eq_bigr => j _; rewrite !mxE expr2. Qed.
Lemma fro_sq_tr m n (M : 'M[R]_(m,n)) : fro_sq M^T = fro_sq M.
Proof. by rewrite /fro_sq exchange_big; apply: eq_bigr => i _; apply: eq_bigr => j _; rewrite mxE. Qed.
Lemma spectral_le_sq m n (M : 'M[R]_(m,n)) e : 0 <= e -> spectral_le M e ->
  forall x : 'rV_m, dot (x *m M) (x *m M) <= e ^+ 2 * dot x x.
Proof.
move=> he h x; rewrite -!norm_sq -exprMn ler_pXn2r ?nnegrE ?mulr_ge0 ?norm_ge0 //; exact: h.
Qed.
Lemma dot_mx n m (u : 'rV[R]_n) (M : 'M_(n,m)) (w : 'rV_m) : dot (u *m M) w = dot u (w *m M^T).
Proof.
have e k (a b : 'rV[R]_k) : dot a b = (a *m b^T) 0 0 by rewrite mxE; apply: eq_bigr => i _; rewrite mxE.
by rewrite !e trmx_mul trmxK mulmxA.
Qed.
Lemma spectral_le_tr m n (M : 'M[R]_(m,n)) e : 0 <= e -> spectral_le M e -> spectral_le M^T e.
Proof.
move=> he h x; have [z|nz] := eqVneq (x *m M^T) 0.
  by rewrite z /norm /dot big1 ?sqrtr0 ?mulr_ge0 ?sqrtr_ge0 // => i _; rewrite mxE mul0r.
have p := norm_gt0 nz; rewrite -(ler_pM2l p) -expr2 norm_sq dot_mx trmxK.
apply: le_trans (ler_norm _) _; apply: le_trans (cauchy_norm _ _) _.
have := h (x *m M^T); have := norm_ge0 x; nra.
Qed.

(* |D M|_F <= e |D|_F and |M D|_F <= e |D|_F for |M|_2 <= e *)
Lemma fro_sq_mulr k m n (D : 'M[R]_(k,m)) (M : 'M_(m,n)) e : 0 <= e -> spectral_le M e ->
  fro_sq (D *m M) <= e ^+ 2 * fro_sq D.
Proof.
move=> he h; rewrite !fro_sq_rows mulr_sumr; apply: ler_sum => i _; rewrite row_mul; exact: spectral_le_sq.
Qed.
Lemma fro_sq_mull k m n (D : 'M[R]_(m,k)) (M : 'M_(n,m)) e : 0 <= e -> spectral_le M e ->
  fro_sq (M *m D) <= e ^+ 2 * fro_sq D.
Proof.
by move=> he h; rewrite -fro_sq_tr trmx_mul -(fro_sq_tr D); apply: fro_sq_mulr => //; apply: spectral_le_tr.
Qed.
Lemma fro_sq_ge0 m n (D : 'M[R]_(m,n)) : 0 <= fro_sq D.
Proof. by apply: sumr_ge0 => i _; apply: sumr_ge0 => j _; rewrite sqr_ge0. Qed.
Lemma fro_sq_vec m n (D : 'M[R]_(m,n)) : fro_sq D = dot (mxvec D) (mxvec D).
Proof.
rewrite /fro_sq /dot (reindex _ (curry_mxvec_bij _ _)) /= pair_bigA /=.
by apply: eq_bigr => -[i j] _; rewrite mxvecE expr2.
Qed.
Lemma fro_triangle m n (D E : 'M[R]_(m,n)) : fro (D + E) <= fro D + fro E.
Proof. by rewrite /fro !fro_sq_vec linearD; exact: norm_triangle. Qed.

Lemma normZ n (a : R) (u : 'rV[R]_n) : norm (a *: u) = `|a| * norm u.
Proof. by rewrite /norm dotZl dotZr mulrA -expr2 sqrtrM ?sqr_ge0 // sqrtr_sqr. Qed.
Lemma normN n (u : 'rV[R]_n) : norm (- u) = norm u.
Proof. by rewrite /norm dotNl dotNr opprK. Qed.
End Norms.
End Norms.

(* Lemmas 1 and 2: the first-order term of the cosine, its bounds, its remainder, its second-order term. *)
Module Cosine.
Import Norms.
Section Cosine.
Variable R : rcfType.

(* Lemma 1, Eq. 7 *)
Definition delta n (u v du dv : 'rV[R]_n) : R :=
  (dot du v + dot u dv) / (norm u * norm v) - sim u v * (dot u du / norm u ^+ 2 + dot v dv / norm v ^+ 2).

Lemma half n (u v du : 'rV[R]_n) : u != 0 -> v != 0 ->
  `|dot du v / (norm u * norm v) - sim u v * (dot u du / norm u ^+ 2)| <= sine u v * (norm du / norm u).
Proof.
move=> hu hv; have pu := norm_gt0 hu; have pv := norm_gt0 hv.
pose w := (norm u * norm v)^-1 *: v - (sim u v / norm u ^+ 2) *: u.
have -> : dot du v / (norm u * norm v) - sim u v * (dot u du / norm u ^+ 2) = dot du w.
  by rewrite /w dotDr dotNr !dotZr (dotC du u); field; rewrite !gt_eqF.
have ww : norm w = sine u v / norm u.
  have hw : dot w w = (1 - sim u v ^+ 2) / norm u ^+ 2.
    rewrite /w dotDl !dotDr !dotNl !dotNr !dotZl !dotZr (dotC v u) -!norm_sq /sim; field; by rewrite !gt_eqF.
  rewrite /norm hw sqrtrM; last first.
    have := dot_ge0 w; rewrite hw pmulr_lge0 // invr_gt0 exprn_gt0 //.
  by rewrite sqrtrV ?sqr_ge0 // sqrtr_sqr gtr0_norm.
apply: le_trans (cauchy_norm _ _) _; rewrite ww le_eqVlt; apply/orP; left; apply/eqP; ring.
Qed.

Lemma simC n (u v : 'rV[R]_n) : sim v u = sim u v.
Proof. by rewrite /sim dotC (mulrC (norm v)). Qed.

Lemma sineC n (u v : 'rV[R]_n) : sine v u = sine u v.
Proof. by rewrite /sine simC. Qed.

Theorem delta_sharp n (u v du dv : 'rV[R]_n) : u != 0 -> v != 0 ->
  `|delta u v du dv| <= sine u v * (norm du / norm u + norm dv / norm v).
Proof.
move=> hu hv; rewrite /delta [X in _ <= X]mulrDr.
have h1 := half du hu hv; have := half dv hv hu; rewrite simC sineC => h2.
apply: (le_trans _ (lerD h1 h2)); apply: (le_trans _ (ler_normD _ _)).
rewrite (dotC u dv) (mulrC (norm v) (norm u)) le_eqVlt; apply/orP; left; apply/eqP; congr `|_|; ring.
Qed.

Lemma sine_ge0 n (u v : 'rV[R]_n) : 0 <= sine u v.
Proof. exact: sqrtr_ge0. Qed.
Lemma sine_le1 n (u v : 'rV[R]_n) : sine u v <= 1.
Proof. by rewrite -[X in _ <= X]sqrtr1 ler_wsqrtr // lerBlDr lerDl sqr_ge0. Qed.
Lemma sine_sq n (u v : 'rV[R]_n) : u != 0 -> v != 0 -> sine u v ^+ 2 = 1 - sim u v ^+ 2.
Proof.
move=> hu hv; rewrite sqr_sqrtr // subr_ge0; have := sim_le1 hu hv.
by rewrite -[sim u v ^+ 2]real_normK ?num_real // => h; rewrite expr_le1 ?normr_ge0.
Qed.

Theorem delta_bound n (u v du dv : 'rV[R]_n) : u != 0 -> v != 0 ->
  `|delta u v du dv| <= (1 + `|sim u v|) * (norm du / norm u + norm dv / norm v).
Proof.
move=> hu hv; apply: le_trans (delta_sharp du dv hu hv) _.
apply: ler_wpM2r; first by rewrite addr_ge0 // divr_ge0 // norm_ge0.
by apply: le_trans (sine_le1 u v) _; rewrite lerDl.
Qed.

(* unit vectors *)
Definition hat n (u : 'rV[R]_n) := (norm u)^-1 *: u.
Lemma hat1 n (u : 'rV[R]_n) : u != 0 -> dot (hat u) (hat u) = 1.
Proof. by move=> h; rewrite /hat dotZl dotZr -norm_sq; field; rewrite gt_eqF // norm_gt0. Qed.
Lemma sim_hat n (u v : 'rV[R]_n) : sim u v = dot (hat u) (hat v).
Proof. by rewrite /sim /hat dotZl dotZr invfM; ring. Qed.
Lemma norm1 n (u : 'rV[R]_n) : dot u u = 1 -> norm u = 1.
Proof. by move=> h; rewrite /norm h sqrtr1. Qed.

(* one vector is changed: |R| <= (1 + |s|) rho^2 *)
Lemma one_vector n (p q w : 'rV[R]_n) (r : R) : 0 <= r -> dot p p = 1 -> dot q q = 1 -> dot w w = 1 ->
  `|dot q w - dot p w - dot (w - dot p w *: p) (r *: q - p)| <= (1 + `|dot p w|) * dot (r *: q - p) (r *: q - p).
Proof.
move=> hr hp hq hw.
have cpw := cauchy p w; have cpq := cauchy p q; rewrite hp hw mulr1 in cpw; rewrite hp hq mulr1 in cpq.
have cz := cauchy (w - dot p w *: p) (q - dot p q *: p).
rewrite ?(dotDl, dotDr, dotNl, dotNr, dotZl, dotZr) (dotC w p) (dotC q p) (dotC q w) ?hp ?hq ?hw.
rewrite ?(dotDl, dotDr, dotNl, dotNr, dotZl, dotZr) (dotC w p) (dotC q p) ?hp ?hq ?hw in cz.
move: (dot p w) (dot p q) (dot w q) cpw cpq cz => s x y s1 x1 cz.
set a := `|s|; have a0 : 0 <= a by rewrite normr_ge0.
have aa : a ^+ 2 = s ^+ 2 by rewrite real_normK ?num_real.
have [xl xu] : -1 <= x /\ x <= 1 by split; nra.
have a1 : a <= 1 by nra.
set z := y - s * x.
have hz : z ^+ 2 <= (1 - a ^+ 2) * (1 - x ^+ 2) by rewrite aa /z; lra.
set rho := r ^+ 2 - 2 * r * x + 1; pose g := rho - (1 - x).
have key : rho ^+ 2 - g ^+ 2 - (1 - x ^+ 2) * (1 - r) ^+ 2 = r * (2 + r) * (1 - x) ^+ 2 by rewrite /g /rho; ring.
have key0 : (1 - x ^+ 2) * (1 - r) ^+ 2 <= rho ^+ 2 - g ^+ 2.
  rewrite -subr_ge0 key; apply: mulr_ge0; last exact: sqr_ge0.
  by apply: mulr_ge0 => //; lra.
have rho0 : 0 <= rho by rewrite /rho; have := sqr_ge0 (r - x); nra.
have x2 : 0 <= 1 - x ^+ 2 by nra.
have k1 : 0 <= (1 - x ^+ 2) * (1 - r) ^+ 2 by rewrite mulr_ge0 ?sqr_ge0.
have gr : `|g| <= rho by rewrite -(@ler_pXn2r _ 2) ?nnegrE ?normr_ge0 // real_normK ?num_real //; lra.
move: (gr); rewrite ler_norml => /andP[g1 g2].
have hag : 0 <= rho + a * g.
  have : - (a * rho) <= a * g by rewrite -mulrN ler_wpM2l.
  have : a * rho <= rho by rewrite ler_piMl.
  lra.
have hk : `|(1 - r) * z| <= rho + a * g.
  rewrite -(@ler_pXn2r _ 2) ?nnegrE ?normr_ge0 // real_normK ?num_real // exprMn.
  have h1 : (1 - r) ^+ 2 * z ^+ 2 <= (1 - a ^+ 2) * ((1 - x ^+ 2) * (1 - r) ^+ 2).
    by have := ler_wpM2l (sqr_ge0 (1 - r)) hz; lra.
  have h2 : (1 - a ^+ 2) * ((1 - x ^+ 2) * (1 - r) ^+ 2) <= (1 - a ^+ 2) * (rho ^+ 2 - g ^+ 2).
    by apply: ler_wpM2l => //; nra.
  by have := sqr_ge0 (a * rho + g); lra.
have hs : `|s * (1 - x)| = a * (1 - x) by rewrite normrM (@ger0_norm _ (1 - x)) // subr_ge0.
rewrite [X in `|X|](_ : _ = (1 - r) * z - s * (1 - x)); last by rewrite /z; ring.
rewrite [X in _ <= _ * X](_ : _ = rho); last by rewrite /rho; ring.
apply: (le_trans (ler_normB _ _)); rewrite hs; rewrite /g in hk; lra.
Qed.

Lemma unit_dist n (p q : 'rV[R]_n) (r : R) : 0 <= r -> dot p p = 1 -> dot q q = 1 ->
  dot (q - p) (q - p) <= 4 * dot (r *: q - p) (r *: q - p).
Proof.
move=> hr hp hq.
have cpq := cauchy p q; rewrite hp hq mulr1 in cpq.
rewrite ?(dotDl, dotDr, dotNl, dotNr, dotZl, dotZr) (dotC q p) ?hp ?hq.
move: (dot p q) cpq => x x1.
have [xl xu] : -1 <= x /\ x <= 1 by split; nra.
have hx1 : 1 - x <= 2 * (r ^+ 2 - 2 * r * x + 1).
  by have [h|h] := lerP 0 x; have := sqr_ge0 (r - x); have := sqr_ge0 r; nra.
lra.
Qed.

Lemma hat_step n (u du : 'rV[R]_n) : u != 0 -> u + du != 0 ->
  (norm (u + du) / norm u) *: hat (u + du) - hat u = (norm u)^-1 *: du.
Proof.
move=> hu hv; rewrite /hat scalerA mulrAC divff ?mul1r ?gt_eqF ?norm_gt0 //.
by rewrite -scalerBr addrC addKr.
Qed.

Definition rho_sq n (u du : 'rV[R]_n) := (norm du / norm u) ^+ 2.
Lemma rho_sqE n (u du : 'rV[R]_n) : dot ((norm u)^-1 *: du) ((norm u)^-1 *: du) = rho_sq u du.
Proof. by rewrite dotZl dotZr /rho_sq exprMn norm_sq; ring. Qed.
Lemma rho_sq_ge0 n (u du : 'rV[R]_n) : 0 <= rho_sq u du.
Proof. exact: sqr_ge0. Qed.

Theorem remainder n (u v du dv : 'rV[R]_n) : u != 0 -> v != 0 -> u + du != 0 -> v + dv != 0 ->
  `|sim (u + du) (v + dv) - sim u v - delta u v du dv| <= (3 + `|sim u v|) * (rho_sq u du + rho_sq v dv).
Proof.
move=> hu hv hu' hv'.
have ru : 0 <= norm (u + du) / norm u by rewrite divr_ge0 ?norm_ge0.
have rv : 0 <= norm (v + dv) / norm v by rewrite divr_ge0 ?norm_ge0.
have h1 := one_vector ru (hat1 hu) (hat1 hu') (hat1 hv).
have h2 := one_vector rv (hat1 hv) (hat1 hv') (hat1 hu).
have d1 := unit_dist ru (hat1 hu) (hat1 hu').
have d2 := unit_dist rv (hat1 hv) (hat1 hv').
rewrite !hat_step // !rho_sqE in h1 h2 d1 d2.
have c := cauchy_norm (hat (u + du) - hat u) (hat (v + dv) - hat v).
have c2 := sqr_ge0 (norm (hat (u + du) - hat u) - norm (hat (v + dv) - hat v)).
have c3 : `|dot (hat (u + du) - hat u) (hat (v + dv) - hat v)| <= 2 * (rho_sq u du + rho_sq v dv).
  by apply: (le_trans c); rewrite sqrrB !norm_sq in c2; rewrite mulr2n in c2; lra.
rewrite (dotC (hat v) (hat u)) -(sim_hat u v) in h2; rewrite -(sim_hat u v) in h1.
have e : sim (u + du) (v + dv) - sim u v - delta u v du dv =
  (dot (hat (u + du)) (hat v) - sim u v - dot (hat v - sim u v *: hat u) ((norm u)^-1 *: du))
  + (dot (hat (v + dv)) (hat u) - sim u v - dot (hat u - sim u v *: hat v) ((norm v)^-1 *: dv))
  + dot (hat (u + du) - hat u) (hat (v + dv) - hat v).
  have -> : delta u v du dv = dot (hat v - sim u v *: hat u) ((norm u)^-1 *: du)
     + dot (hat u - sim u v *: hat v) ((norm v)^-1 *: dv).
    rewrite /delta ?(dotDl, dotDr, dotNl, dotNr, dotZl, dotZr) /hat ?(dotZl, dotZr) (dotC v du).
    by field; rewrite !gt_eqF ?norm_gt0.
  rewrite !sim_hat; move: (hat (u + du)) (hat (v + dv)) => q z.
  rewrite ?(dotDl, dotDr, dotNl, dotNr) (dotC z (hat u)); ring.
rewrite e; apply: (le_trans (ler_normD _ _)); apply: (le_trans (lerD (ler_normD _ _) (lexx _))); lra.
Qed.
End Cosine.
End Cosine.

(* What small changes do to a cosine, and what a bound up to O(e^2) says about its first-order term. *)
Module FirstOrder.
Import Norms Cosine.
Section FirstOrder.
Variable R : rcfType.

Lemma moved n (u v du dv : 'rV[R]_n) (e a b : R) : u != 0 -> v != 0 -> u + du != 0 -> v + dv != 0 ->
  0 <= e -> 0 <= a -> 0 <= b -> norm du <= e * a * norm u -> norm dv <= e * b * norm v ->
  `|sim (u + du) (v + dv) - sim u v| <= sine u v * (a + b) * e + (3 + `|sim u v|) * (a ^+ 2 + b ^+ 2) * e ^+ 2.
Proof.
move=> hu hv hu' hv' he ha hb hdu hdv.
have pu := norm_gt0 hu; have pv := norm_gt0 hv.
have ea : 0 <= e * a by rewrite mulr_ge0. have eb : 0 <= e * b by rewrite mulr_ge0.
have ru : 0 <= norm du / norm u <= e * a by rewrite divr_ge0 ?norm_ge0 //= ler_pdivrMr.
have rv : 0 <= norm dv / norm v <= e * b by rewrite divr_ge0 ?norm_ge0 //= ler_pdivrMr.
have h1 := delta_sharp du dv hu hv; have h2 := remainder hu hv hu' hv'.
have -> : sim (u + du) (v + dv) - sim u v = delta u v du dv + (sim (u + du) (v + dv) - sim u v - delta u v du dv) by ring.
apply: (le_trans (ler_normD _ _)); apply: lerD.
  apply: (le_trans h1); rewrite -mulrA ler_wpM2l ?sine_ge0 //; lra.
apply: (le_trans h2); rewrite /rho_sq -mulrA; apply: ler_wpM2l; first by rewrite addr_ge0 ?normr_ge0 //; lra.
move: ru rv => /andP[r1 r2] /andP[r3 r4].
have k1 : (norm du / norm u) ^+ 2 <= (e * a) ^+ 2 by rewrite ler_pXn2r ?nnegrE.
have k2 : (norm dv / norm v) ^+ 2 <= (e * b) ^+ 2 by rewrite ler_pXn2r ?nnegrE.
rewrite !exprMn in k1 k2 *; lra.
Qed.

Lemma stays n (u du : 'rV[R]_n) (t : R) : u != 0 -> norm du <= t * norm u -> t < 1 -> u + du != 0.
Proof.
move=> hu h ht; have pu := norm_gt0 hu; apply/eqP => k.
have {}k : du = - u by apply/eqP; rewrite -addr_eq0 addrC k.
by rewrite k normN in h; nra.
Qed.

Lemma moved_small n (u v du dv : 'rV[R]_n) (e a b : R) : u != 0 -> v != 0 ->
  0 <= e -> 0 <= a -> 0 <= b -> norm du <= e * a * norm u -> norm dv <= e * b * norm v -> e * (a + b) <= 1 / 2 ->
  `|sim (u + du) (v + dv) - sim u v| <= sine u v * (a + b) * e + 4 * (a ^+ 2 + b ^+ 2) * e ^+ 2.
Proof.
move=> hu hv he ha hb hdu hdv hab.
have ea : 0 <= e * a by rewrite mulr_ge0. have eb : 0 <= e * b by rewrite mulr_ge0.
have hu' : u + du != 0 by apply: (stays hu hdu); lra.
have hv' : v + dv != 0 by apply: (stays hv hdv); lra.
apply: le_trans (moved hu hv hu' hv' he ha hb hdu hdv) _; rewrite lerD2l.
apply: ler_wpM2r; first exact: sqr_ge0.
apply: ler_wpM2r; first by rewrite addr_ge0 ?sqr_ge0.
by have := sim_le1 hu hv; lra.
Qed.

Lemma deltaZ n (u v du dv : 'rV[R]_n) e : delta u v (e *: du) (e *: dv) = e * delta u v du dv.
Proof. by rewrite /delta !dotZl !dotZr; ring. Qed.

Lemma expand n (u v du dv : 'rV[R]_n) e : u != 0 -> v != 0 -> 0 < e ->
  e * (norm du / norm u) <= 1 / 2 -> e * (norm dv / norm v) <= 1 / 2 ->
  `|sim (u + e *: du) (v + e *: dv) - sim u v - e * delta u v du dv| <= 4 * (rho_sq u du + rho_sq v dv) * e ^+ 2.
Proof.
move=> hu hv he h1 h2.
have st (x dx : 'rV[R]_n) : x != 0 -> e * (norm dx / norm x) <= 1 / 2 -> x + e *: dx != 0.
  move=> hx h; apply: (@stays _ _ _ (1/2)) => //; last by lra.
  by rewrite normZ gtr0_norm // -ler_pdivrMr ?norm_gt0 // -mulrA.
have := remainder hu hv (st _ _ hu h1) (st _ _ hv h2).
rewrite deltaZ => h; apply: (le_trans h).
have -> : rho_sq u (e *: du) + rho_sq v (e *: dv) = (rho_sq u du + rho_sq v dv) * e ^+ 2.
  by rewrite /rho_sq !normZ (gtr0_norm he); ring.
rewrite mulrA; apply: ler_wpM2r; first exact: sqr_ge0.
apply: ler_wpM2r; first by rewrite addr_ge0 ?rho_sq_ge0.
by have := sim_le1 hu hv; lra.
Qed.

Lemma small (K e0 t : R) : 0 < e0 -> 0 < t -> exists eps, [/\ 0 < eps, eps <= e0, eps <= t & K * eps <= t].
Proof.
move=> h0 ht; exists (Num.min e0 (t / (1 + `|K|))).
have hK : 0 < 1 + `|K| by rewrite ltr_pwDl.
have hd : 0 < t / (1 + `|K|) by rewrite divr_gt0.
have hp : 0 < Num.min e0 (t / (1 + `|K|)) by rewrite lt_min h0.
have hm : Num.min e0 (t / (1 + `|K|)) <= t / (1 + `|K|) by rewrite ge_min lexx orbT.
have hm' : Num.min e0 (t / (1 + `|K|)) * (1 + `|K|) <= t by rewrite -ler_pdivlMr.
have hn := ler_norm K; have hn0 := normr_ge0 K.
split=> //; first by rewrite ge_min lexx.
  by apply: le_trans hm' ; rewrite ler_peMr ?(ltW hp) //; lra.
by apply: le_trans hm'; rewrite mulrC ler_wpM2l ?(ltW hp) //; lra.
Qed.

(* a bound b e + K e^2 on the distance of two cosines, for some K, bounds the difference of their first-order terms by b *)
Theorem criterion n n' (u v du dv : 'rV[R]_n) (u' v' du' dv' : 'rV[R]_n') (b K e0 : R) :
  u != 0 -> v != 0 -> u' != 0 -> v' != 0 -> sim u v = sim u' v' -> 0 < e0 ->
  (forall e, 0 < e <= e0 ->
    `|sim (u + e *: du) (v + e *: dv) - sim (u' + e *: du') (v' + e *: dv')| <= b * e + K * e ^+ 2) ->
  `|delta u v du dv - delta u' v' du' dv'| <= b.
Proof.
move=> hu hv hu' hv' hs h0 H; rewrite leNgt; apply/negP => hlt.
set D := `|_| in hlt; pose t := (D - b) / 2.
pose r m (x y : 'rV[R]_m) := norm y / norm x.
have r0 m (x y : 'rV[R]_m) : 0 <= r m x y by rewrite /r divr_ge0 ?norm_ge0.
pose S := 1 + r _ u du + r _ v dv + r _ u' du' + r _ v' dv'.
pose C := K + 4 * (rho_sq u du + rho_sq v dv) + 4 * (rho_sq u' du' + rho_sq v' dv').
have hS : 0 < 2 * S by rewrite /S; have := r0 _ u du; have := r0 _ v dv; have := r0 _ u' du'; have := r0 _ v' dv'; lra.
have he1 : 0 < Num.min e0 (1 / (2 * S)) by rewrite lt_min h0 divr_gt0.
have ht : 0 < t by rewrite /t; lra.
have [e [e_gt e_le _ hC]] := small C he1 ht.
move: e_le; rewrite le_min => /andP[e_e0]; rewrite ler_pdivlMr // => e_S.
have p m (x y : 'rV[R]_m) : 0 <= e * r m x y by rewrite mulr_ge0 // ltW.
have p1 := p _ u du; have p2 := p _ v dv; have p3 := p _ u' du'; have p4 := p _ v' dv'.
have q1 : e * r _ u du <= 1 / 2 by rewrite /S in e_S; lra.
have q2 : e * r _ v dv <= 1 / 2 by rewrite /S in e_S; lra.
have q3 : e * r _ u' du' <= 1 / 2 by rewrite /S in e_S; lra.
have q4 : e * r _ v' dv' <= 1 / 2 by rewrite /S in e_S; lra.
have x1 := expand hu hv e_gt q1 q2; have x2 := expand hu' hv' e_gt q3 q4.
have he : 0 < e <= e0 by rewrite e_gt.
have := H e he; rewrite hs in x1; rewrite !ler_norml in x1 x2 *.
move: x1 x2 => /andP[a1 a2] /andP[a3 a4] /andP[a5 a6].
have : e * D <= (b + t) * e.
  rewrite /D -[e in X in X <= _](gtr0_norm e_gt) -normrM ler_norml.
  have hCe : C * e * e <= t * e by rewrite ler_wpM2r // ltW.
  by rewrite /C in hCe; lra.
by rewrite mulrC ler_pM2r // /t; lra.
Qed.
End FirstOrder.
End FirstOrder.

(* Where the bounds on the cosine are attained. *)
Module Attained.
Import Norms Cosine.
Section Attained.
Variable R : rcfType.

(* attained: du along v^ - s u^ and dv along u^ - s v^ *)
Definition steepest n (u v : 'rV[R]_n) := norm u *: (hat v - sim u v *: hat u).
Lemma steepest_norm n (u v : 'rV[R]_n) : u != 0 -> v != 0 -> norm (steepest u v) = norm u * sine u v.
Proof.
move=> hu hv; rewrite /steepest normZ ger0_norm ?norm_ge0 //; congr (_ * _).
rewrite /sine [norm _]/norm; congr Num.sqrt.
move: (hat u) (hat v) (hat1 hu) (hat1 hv) (sim_hat u v) => p q hp hq ->.
rewrite ?(dotDl, dotDr, dotNl, dotNr, dotZl, dotZr) (dotC q p) hp hq; ring.
Qed.
Lemma steepest_dot n (u v : 'rV[R]_n) : u != 0 -> v != 0 ->
  dot u (steepest u v) = 0 /\ dot v (steepest u v) = norm u * norm v * sine u v ^+ 2.
Proof.
move=> hu hv; have pu := norm_gt0 hu; have pv := norm_gt0 hv.
have eu : u = norm u *: hat u by rewrite /hat scalerA divff ?scale1r // gt_eqF.
have ev : v = norm v *: hat v by rewrite /hat scalerA divff ?scale1r // gt_eqF.
rewrite sine_sq // /steepest {1}eu {3}ev.
move: (hat u) (hat v) (hat1 hu) (hat1 hv) (sim_hat u v) => p q hp hq ->.
rewrite ?(dotDl, dotDr, dotNl, dotNr, dotZl, dotZr) (dotC q p) hp hq; split; ring.
Qed.
Theorem delta_attained n (u v : 'rV[R]_n) : u != 0 -> v != 0 ->
  let du := steepest u v in let dv := steepest v u in
  delta u v du dv = sine u v * (norm du / norm u + norm dv / norm v).
Proof.
move=> hu hv /=; have pu := norm_gt0 hu; have pv := norm_gt0 hv.
rewrite !steepest_norm // (sineC u v).
have -> : sine u v * (norm u * sine u v / norm u + norm v * sine u v / norm v) = 2 * sine u v ^+ 2.
  by field; rewrite !gt_eqF.
have [a b] := steepest_dot hu hv; have [c d] := steepest_dot hv hu; rewrite sineC in d.
by rewrite /delta a c (dotC _ v) b d; field; rewrite !gt_eqF.
Qed.
End Attained.
End Attained.
