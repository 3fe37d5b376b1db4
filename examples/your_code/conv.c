/* A convolution in C, and its backward; conv_backward_wrong forgets the stride in the gradient of w.

   cc -O2 -shared -fPIC -o libconv.so conv.c
   bpcheck check conv2d ./libconv.so --style ctypes --with dtype=float64
       --with "forward=conv_forward(x w b y n c h wd oc kh kw s p oh ow)"
       --with "backward=conv_backward(x w dy dx dw db n c h wd oc kh kw s p oh ow)"
*/

#define X(i, k, r, q) (((i * c + k) * h + (r)) * wd + (q))
#define W(o, k, u, v) (((o * c + k) * kh + (u)) * kw + (v))
#define Y(i, o, r, q) (((i * oc + o) * oh + (r)) * ow + (q))

#define OUTPUTS                          \
    for (int i = 0; i < n; i++)          \
        for (int o = 0; o < oc; o++)     \
            for (int r = 0; r < oh; r++) \
                for (int q = 0; q < ow; q++)

#define TAPS                             \
    for (int k = 0; k < c; k++)          \
        for (int u = 0; u < kh; u++)     \
            for (int v = 0; v < kw; v++)

static int inside(int row, int column, int h, int wd) {
    return row >= 0 && row < h && column >= 0 && column < wd;
}

void conv_forward(const double *x, const double *w, const double *b, double *y, int n, int c,
                  int h, int wd, int oc, int kh, int kw, int s, int p, int oh, int ow) {
    OUTPUTS {
        double sum = b[o];
        TAPS {
            int row = r * s + u - p, column = q * s + v - p;
            if (inside(row, column, h, wd)) sum += x[X(i, k, row, column)] * w[W(o, k, u, v)];
        }
        y[Y(i, o, r, q)] = sum;
    }
}

static void backward(const double *x, const double *w, const double *dy, double *dx, double *dw,
                     double *db, int n, int c, int h, int wd, int oc, int kh, int kw, int s, int p,
                     int oh, int ow, int step) {
    for (long i = 0; i < (long)n * c * h * wd; i++) dx[i] = 0;
    for (long i = 0; i < (long)oc * c * kh * kw; i++) dw[i] = 0;
    for (int o = 0; o < oc; o++) db[o] = 0;
    OUTPUTS {
        double error = dy[Y(i, o, r, q)];
        db[o] += error;
        TAPS {
            int row = r * s + u - p, column = q * s + v - p;
            if (inside(row, column, h, wd)) dx[X(i, k, row, column)] += error * w[W(o, k, u, v)];
            row = r * step + u - p, column = q * step + v - p;
            if (inside(row, column, h, wd)) dw[W(o, k, u, v)] += error * x[X(i, k, row, column)];
        }
    }
}

void conv_backward(const double *x, const double *w, const double *dy, double *dx, double *dw,
                   double *db, int n, int c, int h, int wd, int oc, int kh, int kw, int s, int p,
                   int oh, int ow) {
    backward(x, w, dy, dx, dw, db, n, c, h, wd, oc, kh, kw, s, p, oh, ow, s);
}

void conv_backward_wrong(const double *x, const double *w, const double *dy, double *dx,
                         double *dw, double *db, int n, int c, int h, int wd, int oc, int kh,
                         int kw, int s, int p, int oh, int ow) {
    backward(x, w, dy, dx, dw, db, n, c, h, wd, oc, kh, kw, s, p, oh, ow, 1);
}
