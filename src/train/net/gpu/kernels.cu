// What the GPU does between matrix products. Values of a batch are [rows][channels], rows being the pixels of all pictures and
// channels multiples of 32. No atomics: the same numbers come out each time.

typedef unsigned long long u64;

#define ONE_EACH                                                                                                       \
    u64 i = (u64)blockIdx.x * blockDim.x + threadIdx.x;                                                                \
    if (i >= n) return

// Where a norm's figures lie: mean, 1 / deviation, scale, shift, `channels` each.
enum { MEAN, DEVIATION, SCALE, SHIFT };

__device__ float4 scaled(float4 y, const float4* norm, int quads, int c) {
    float4 a = norm[SCALE * quads + c], b = norm[SHIFT * quads + c];
    return make_float4(y.x * a.x + b.x, y.y * a.y + b.y, y.z * a.z + b.z, y.w * a.w + b.w);
}

__device__ float4 sum_of(float4 a, float4 b) { return make_float4(a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w); }

__device__ float4 relu_of(float4 v) {
    return make_float4(v.x > 0.f ? v.x : 0.f, v.y > 0.f ? v.y : 0.f, v.z > 0.f ? v.z : 0.f, v.w > 0.f ? v.w : 0.f);
}

__device__ float4 where(float4 slope, float4 value) {
    return make_float4(value.x > 0.f ? slope.x : 0.f, value.y > 0.f ? slope.y : 0.f, value.z > 0.f ? slope.z : 0.f,
                       value.w > 0.f ? slope.w : 0.f);
}

// The rows that the first convolution reads, from bytes: out [rows][kernel * kernel * channels].
extern "C" __global__ void picture_columns(const unsigned char* pixels, const float* levels, float* out, u64 n, int side,
                                           int to, int channels, int kernel, int step, int pad) {
    ONE_EACH;
    int depth = kernel * kernel * channels;
    u64 row = i / depth;
    int k = (int)(i % depth), c = k % channels, tap = k / channels;
    int y = (int)(row / to % to) * step + tap / kernel - pad, x = (int)(row % to) * step + tap % kernel - pad;
    u64 picture = row / ((u64)to * to);
    bool inside = y >= 0 && x >= 0 && y < side && x < side;
    out[i] = inside ? levels[c * 256 + pixels[((picture * side + y) * side + x) * channels + c]] : 0.f;
}

// The rows that a convolution reads: out [rows][kernel * kernel][channels].
extern "C" __global__ void columns(const float4* from, float4* out, u64 n, int side, int to, int quads, int kernel,
                                   int step, int pad) {
    ONE_EACH;
    int c = (int)(i % quads), tap = (int)(i / quads % (kernel * kernel));
    u64 row = i / quads / (kernel * kernel);
    int y = (int)(row / to % to) * step + tap / kernel - pad, x = (int)(row % to) * step + tap % kernel - pad;
    u64 picture = row / ((u64)to * to);
    bool inside = y >= 0 && x >= 0 && y < side && x < side;
    out[i] = inside ? from[((picture * side + y) * side + x) * quads + c] : make_float4(0.f, 0.f, 0.f, 0.f);
}

// Slopes of those rows back to the pixels that were read.
extern "C" __global__ void columns_back(const float4* slopes, float4* out, u64 n, int side, int to, int quads, int kernel,
                                        int step, int pad, int onto) {
    ONE_EACH;
    int c = (int)(i % quads), x = (int)(i / quads % side), y = (int)(i / quads / side % side);
    u64 picture = i / quads / ((u64)side * side);
    float4 sum = onto ? out[i] : make_float4(0.f, 0.f, 0.f, 0.f);
    for (int ky = 0; ky < kernel; ky++) {
        int oy = y + pad - ky;
        if (oy < 0 || oy % step || oy / step >= to) continue;
        for (int kx = 0; kx < kernel; kx++) {
            int ox = x + pad - kx;
            if (ox < 0 || ox % step || ox / step >= to) continue;
            u64 row = (picture * to + oy / step) * to + ox / step;
            sum = sum_of(sum, slopes[(row * (kernel * kernel) + ky * kernel + kx) * quads + c]);
        }
    }
    out[i] = sum;
}

// Adds up what the eight lanes of each channel have, into partial [blocks][2][channels].
__device__ void lanes_together(float a, float b, float* partial, int channels) {
    __shared__ float sums[2][8][32];
    sums[0][threadIdx.y][threadIdx.x] = a;
    sums[1][threadIdx.y][threadIdx.x] = b;
    __syncthreads();
    if (threadIdx.y < 2) {
        float sum = 0.f;
        for (int lane = 0; lane < 8; lane++) sum += sums[threadIdx.y][lane][threadIdx.x];
        partial[((u64)blockIdx.y * 2 + threadIdx.y) * channels + blockIdx.x * 32 + threadIdx.x] = sum;
    }
}

// The sums of all blocks, in their order; true on the one thread of each channel that has them.
__device__ bool blocks_together(const float* partial, int blocks, int channels, double* a, double* b) {
    __shared__ double sums[2][8][32];
    int c = blockIdx.x * 32 + threadIdx.x;
    double first = 0., second = 0.;
    for (int block = threadIdx.y; block < blocks; block += 8) {
        first += partial[((u64)block * 2) * channels + c];
        second += partial[((u64)block * 2 + 1) * channels + c];
    }
    sums[0][threadIdx.y][threadIdx.x] = first;
    sums[1][threadIdx.y][threadIdx.x] = second;
    __syncthreads();
    if (threadIdx.y) return false;
    *a = *b = 0.;
    for (int lane = 0; lane < 8; lane++) {
        *a += sums[0][lane][threadIdx.x];
        *b += sums[1][lane][threadIdx.x];
    }
    return true;
}

// Sums of values and of their squares, counted from the running mean, which keeps them exact.
extern "C" __global__ void moments(const float* y, const float* values, u64 mean_at, float* partial, u64 rows, int channels) {
    int c = blockIdx.x * 32 + threadIdx.x;
    float origin = values[mean_at + c], sum = 0.f, squares = 0.f;
    for (u64 row = blockIdx.y * 8 + threadIdx.y; row < rows; row += gridDim.y * 8) {
        float off = y[row * channels + c] - origin;
        sum += off;
        squares += off * off;
    }
    lanes_together(sum, squares, partial, channels);
}

// A batch's norm, and what the batch adds to the running moments.
extern "C" __global__ void settle(const float* partial, int blocks, float* values, u64 scale_at, u64 shift_at, u64 mean_at,
                                  u64 var_at, float* norm, u64 rows, int channels, float momentum, double epsilon) {
    double sum, squares;
    if (!blocks_together(partial, blocks, channels, &sum, &squares)) return;
    int c = blockIdx.x * 32 + threadIdx.x;
    double count = (double)rows, off = sum / count, variance = squares / count - off * off;
    if (variance < 0.) variance = 0.;
    double mean = (double)values[mean_at + c] + off, deviation = 1. / sqrt(variance + epsilon);
    double scale = (double)values[scale_at + c] * deviation;
    norm[MEAN * channels + c] = (float)mean;
    norm[DEVIATION * channels + c] = (float)deviation;
    norm[SCALE * channels + c] = (float)scale;
    norm[SHIFT * channels + c] = (float)((double)values[shift_at + c] - mean * scale);
    double unbiased = variance * count / (count > 2. ? count - 1. : 1.);
    values[mean_at + c] += momentum * ((float)mean - values[mean_at + c]);
    values[var_at + c] += momentum * ((float)unbiased - values[var_at + c]);
}

// A norm by the running moments.
extern "C" __global__ void settled(const float* values, u64 scale_at, u64 shift_at, u64 mean_at, u64 var_at, float* norm,
                                   u64 n, double epsilon) {
    ONE_EACH;
    double mean = values[mean_at + i], deviation = 1. / sqrt((double)values[var_at + i] + epsilon);
    double scale = values[scale_at + i] * deviation;
    norm[MEAN * n + i] = (float)mean;
    norm[DEVIATION * n + i] = (float)deviation;
    norm[SCALE * n + i] = (float)scale;
    norm[SHIFT * n + i] = (float)((double)values[shift_at + i] - mean * scale);
}

extern "C" __global__ void norm_relu(const float4* y, const float4* norm, float4* out, u64 n, int quads) {
    ONE_EACH;
    out[i] = relu_of(scaled(y[i], norm, quads, (int)(i % quads)));
}

extern "C" __global__ void norm_add_relu(const float4* y, const float4* norm, const float4* beside, float4* out, u64 n,
                                         int quads) {
    ONE_EACH;
    out[i] = relu_of(sum_of(scaled(y[i], norm, quads, (int)(i % quads)), beside[i]));
}

extern "C" __global__ void norm_both_relu(const float4* y, const float4* norm, const float4* other_y,
                                          const float4* other_norm, float4* out, u64 n, int quads) {
    ONE_EACH;
    int c = (int)(i % quads);
    out[i] = relu_of(sum_of(scaled(y[i], norm, quads, c), scaled(other_y[i], other_norm, quads, c)));
}

// Slopes behind a ReLU: 0 where nothing came out of it.
extern "C" __global__ void mask(const float4* out, float4* slopes, u64 n) {
    ONE_EACH;
    slopes[i] = where(slopes[i], out[i]);
}

// Sums of slopes behind a norm, and of their products with what the norm read.
extern "C" __global__ void slope_sums(const float* slopes, const float* y, const float* norm, float* partial, u64 rows,
                                      int channels, int relu) {
    int c = blockIdx.x * 32 + threadIdx.x;
    float mean = norm[MEAN * channels + c], scale = norm[SCALE * channels + c], shift = norm[SHIFT * channels + c];
    float sum = 0.f, products = 0.f;
    for (u64 row = blockIdx.y * 8 + threadIdx.y; row < rows; row += gridDim.y * 8) {
        float value = y[row * channels + c], slope = slopes[row * channels + c];
        if (relu && !(value * scale + shift > 0.f)) slope = 0.f;
        sum += slope;
        products += slope * (value - mean);
    }
    lanes_together(sum, products, partial, channels);
}

// dy = s (g - mean(g) - (y - m) d^2 mean(g (y - m))), with s scale over deviation, as by [slope, value, constant][channels];
// slopes of scale and shift are added.
extern "C" __global__ void settle_back(const float* partial, int blocks, const float* values, u64 scale_at, u64 shift_at,
                                       const float* norm, float* by, float* grads, u64 rows, int channels) {
    double slopes, products;
    if (!blocks_together(partial, blocks, channels, &slopes, &products)) return;
    int c = blockIdx.x * 32 + threadIdx.x;
    double count = (double)rows, deviation = norm[DEVIATION * channels + c];
    double scale = (double)values[scale_at + c] * deviation;
    double value = -scale * deviation * deviation * products / count;
    by[c] = (float)scale;
    by[channels + c] = (float)value;
    by[2 * channels + c] = (float)(-scale * slopes / count - value * (double)norm[MEAN * channels + c]);
    grads[scale_at + c] += (float)(products * deviation);
    grads[shift_at + c] += (float)slopes;
}

extern "C" __global__ void slopes_back(const float4* slopes, const float4* y, const float4* norm, const float4* by,
                                       float4* out, u64 n, int quads, int relu) {
    ONE_EACH;
    int c = (int)(i % quads);
    float4 g = slopes[i], v = y[i], a = by[c], b = by[quads + c], d = by[2 * quads + c];
    if (relu) g = where(g, scaled(v, norm, quads, c));
    out[i] = make_float4(a.x * g.x + b.x * v.x + d.x, a.y * g.y + b.y * v.y + d.y, a.z * g.z + b.z * v.z + d.z,
                         a.w * g.w + b.w * v.w + d.w);
}

// Max pool 3x3 step 2 in ceil mode.
extern "C" __global__ void pool(const float* from, float* out, u64 n, int side, int to, int channels) {
    ONE_EACH;
    int c = (int)(i % channels), ox = (int)(i / channels % to), oy = (int)(i / channels / to % to);
    u64 picture = i / channels / ((u64)to * to);
    float best = -3.402823466e38f;
    for (int y = 2 * oy; y < 2 * oy + 3 && y < side; y++)
        for (int x = 2 * ox; x < 2 * ox + 3 && x < side; x++) {
            float v = from[((picture * side + y) * side + x) * channels + c];
            best = v > best ? v : best;
        }
    out[i] = best;
}

// Its slopes go to the first value of each window that is its largest.
extern "C" __global__ void pool_back(const float* from, const float* slopes, float* out, u64 n, int side, int to,
                                     int channels) {
    ONE_EACH;
    int c = (int)(i % channels), x = (int)(i / channels % side), y = (int)(i / channels / side % side);
    u64 picture = i / channels / ((u64)side * side);
    const float* values = from + picture * side * side * channels + c;
    float mine = values[((u64)y * side + x) * channels], sum = 0.f;
    for (int oy = y < 2 ? 0 : (y - 1) / 2; oy <= y / 2 && oy < to; oy++)
        for (int ox = x < 2 ? 0 : (x - 1) / 2; ox <= x / 2 && ox < to; ox++) {
            bool first = true;
            for (int wy = 2 * oy; wy < 2 * oy + 3 && wy < side && first; wy++)
                for (int wx = 2 * ox; wx < 2 * ox + 3 && wx < side; wx++) {
                    float v = values[((u64)wy * side + wx) * channels];
                    bool before = wy < y || (wy == y && wx < x);
                    if (v > mine || (before && v == mine)) {
                        first = false;
                        break;
                    }
                }
            if (first) sum += slopes[((picture * to + oy) * to + ox) * channels + c];
        }
    out[i] = sum;
}

// The mean over a picture's pixels, of the channels that are: out [pictures][kept].
extern "C" __global__ void average(const float* from, float* out, u64 n, int pixels, int channels, int kept) {
    ONE_EACH;
    u64 picture = i / kept;
    int c = (int)(i % kept);
    float sum = 0.f;
    for (int p = 0; p < pixels; p++) sum += from[(picture * pixels + p) * channels + c];
    out[i] = sum / (float)pixels;
}

extern "C" __global__ void average_back(const float* slopes, float* out, u64 n, int pixels, int channels, int kept) {
    ONE_EACH;
    int c = (int)(i % channels);
    u64 picture = i / channels / pixels;
    out[i] = c < kept ? slopes[picture * kept + c] / (float)pixels : 0.f;
}

extern "C" __global__ void norm_plain(const float4* y, const float4* norm, float4* out, u64 n, int quads) {
    ONE_EACH;
    out[i] = scaled(y[i], norm, quads, (int)(i % quads));
}

// A full layer's bias, and the ReLU after it.
extern "C" __global__ void bias(float* y, const float* values, u64 bias_at, u64 n, int width, int relu) {
    ONE_EACH;
    float v = y[i] + values[bias_at + i % width];
    y[i] = relu && !(v > 0.f) ? 0.f : v;
}

// The bias's slopes: sums of columns.
extern "C" __global__ void bias_back(const float* slopes, float* grads, u64 bias_at, u64 n, int rows) {
    ONE_EACH;
    float sum = 0.f;
    for (int row = 0; row < rows; row++) sum += slopes[row * n + i];
    grads[bias_at + i] = sum;
}

extern "C" __global__ void add(const float* from, float* to, u64 n) {
    ONE_EACH;
    to[i] += from[i];
}
