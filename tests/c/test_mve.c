/* The mve kernels against the generic ones, with tables packed here, by their description in
 * edge_types.h: on a core with Helium this runs the instructions, elsewhere what stands for them.
 * An addition's vectors against its elements likewise.
 *
 * main returns the number of the first case that differs, 0 when none does.
 */
#include "layers.h"

static int8_t packed[MAX_ROWS * MAX_VALUES];
static int32_t finish[MAX_ROWS / 4 * 9];

static void clear_tables(void)
{
    memset(packed, 0, sizeof packed);
    memset(finish, 0, sizeof finish);
}

/* The numbers that finish channel `row` of a convolution, at `place` of the table. */
static void put_finish(int32_t place, int32_t row, int32_t rows)
{
    int32_t *words = finish + place / 4 * EDGE_MVE_FINISH_WORDS;
    const int32_t exponent = row < rows ? shift[row] : -1;

    words[place % 4] = row < rows ? bias[row] : 0;
    words[4 + place % 4] = row < rows ? multiplier[row] : 0;
    words[8] = (int32_t)((uint32_t)words[8] | ((uint32_t)exponent & 255u) << (8 * (place % 4)));
}

/* The numbers that finish channel `row` where 16 channels hold it at `lane`. */
static void put_depthwise_finish(int32_t lane, int32_t row, int32_t rows)
{
    int32_t *words = finish + lane / 16 * EDGE_MVE_DEPTHWISE_WORDS;
    const int32_t place = lane % 4 * 4 + lane % 16 / 4;

    ((int8_t *)words)[place] = row < rows ? shift[row] : -1;
    words[4 + place] = row < rows ? bias[row] : 0;
    words[20 + place] = row < rows ? multiplier[row] : 0;
}

static edge_conv_mve_t layer_of(const edge_conv_t *conv)
{
    edge_conv_mve_t layer;

    layer.shape = *conv;
    layer.weight = packed;
    layer.finish = finish;
    return layer;
}

static void pack_rows(int32_t rows, int32_t values)
{
    const int32_t sixteens = (values + 15) / 16;
    int32_t row;
    int32_t value;

    for (row = 0; row < rows; row++) {
        for (value = 0; value < values; value++) {
            packed[((row / 4 * sixteens + value / 16) * 4 + row % 4) * 16 + value % 16] =
                weight[row * values + value];
        }
    }
    for (row = 0; row < (rows + 3) / 4 * 4; row++) {
        put_finish(row, row, rows);
    }
}

static int conv_differs(const edge_conv_t *conv)
{
    const int32_t rows = conv->output.channels;
    const edge_conv_mve_t layer = layer_of(conv);
    const int32_t values = conv->kernel_height * conv->kernel_width * conv->input.channels;

    fill_layer(rows, values);
    clear_tables();
    pack_rows(rows, values);
    edge_conv_s8(conv, input, (int8_t *)scratch, wanted);
    edge_conv_mve_s8(&layer, input, (int8_t *)scratch, output);
    if (differs(conv->output.height * conv->output.width * rows)) {
        return 1;
    }
    if (conv->kernel_height > 1) {
        return 0;
    }
    memset(output, 0x55, sizeof output);
    edge_pointwise_conv_mve_s8(&layer, input, output);
    return differs(conv->output.height * conv->output.width * rows);
}

static int depthwise_differs(const edge_conv_t *conv)
{
    const int32_t channels = conv->output.channels;
    const int32_t taps = conv->kernel_height * conv->kernel_width;
    const edge_conv_mve_t layer = layer_of(conv);
    int32_t lane;
    int32_t tap;

    fill_layer(channels, taps);
    clear_tables();
    for (lane = 0; lane < (channels + 15) / 16 * 16; lane++) {
        const int32_t channel = channels < 16 && lane < 16 / channels * channels ? lane % channels
                                                                                 : lane;

        for (tap = 0; tap < taps && channel < channels; tap++) {
            packed[(lane / 16 * taps + tap) * 16 + lane % 16] = weight[tap * channels + channel];
        }
        put_depthwise_finish(lane, channel, channels);
    }
    edge_depthwise_conv_s8(conv, input, (int8_t *)scratch, wanted);
    edge_depthwise_conv_mve_s8(&layer, input, (int8_t *)scratch, output);
    return differs(conv->output.height * conv->output.width * channels);
}

static int fully_connected_differs(int32_t inputs, int32_t outputs)
{
    const edge_fully_connected_t plain = {inputs, outputs, 0,          -7,   -128, 90,
                                          weight, bias,    multiplier, shift};
    edge_fully_connected_mve_t layer = {inputs, outputs, 0, -7, -128, 90, 0, 0, packed, bias};

    fill_layer(outputs, inputs);
    clear_tables();
    pack_rows(outputs, inputs);
    layer.multiplier = multiplier[0];
    layer.shift = shift[0] = -9;
    edge_fully_connected_s8(&plain, input + 1, wanted); /* at an odd address */
    edge_fully_connected_mve_s8(&layer, input + 1, output);
    return differs(outputs);
}

/* A broadcast of equal shapes goes element by element. */
static int add_differs(int32_t size, int32_t output_shift)
{
    edge_broadcast_t same = {1, {0}, {1}, {1}};
    edge_add_t add = {0,   NULL, 5, -9, -3, -100, 110, {1 << 30, 0}, {1717986918, -3},
                      {0, 0}};

    same.size[0] = size;
    add.size = size;
    add.output.multiplier = 1288490189;
    add.output.shift = output_shift;
    fill(input, MAX_CELLS, -128);
    add.broadcast = &same;
    edge_add_s8(&add, input, input + MAX_CELLS / 2, wanted);
    add.broadcast = NULL;
    edge_add_s8(&add, input, input + MAX_CELLS / 2, output);
    return differs(size);
}

static const case_t depthwise_cases[] = {
    {{6, 5, 8}, {6, 5, 8}, 3, 1},    {{5, 9, 16}, {3, 5, 16}, 3, 2},
    {{4, 7, 35}, {4, 7, 35}, 5, 1},  {{6, 6, 32}, {7, 7, 32}, 2, 1},
    {{6, 9, 8}, {6, 9, 8}, 3, 1},    {{6, 11, 3}, {6, 11, 3}, 3, 1},
    {{7, 9, 4}, {4, 5, 4}, 3, 2},    {{3, 12, 2}, {3, 12, 2}, 1, 1},
};

enum { DEPTHWISE_CASES = sizeof depthwise_cases / sizeof depthwise_cases[0] };

int main(void)
{
    int32_t i;

    for (i = 0; i < CONV_CASES; i++) {
        const edge_conv_t conv = conv_of(&conv_cases[i]);

        if (conv_differs(&conv)) {
            return 1 + i;
        }
    }
    for (i = 0; i < DEPTHWISE_CASES; i++) {
        const edge_conv_t conv = conv_of(&depthwise_cases[i]);

        if (depthwise_differs(&conv)) {
            return 11 + i;
        }
    }
    for (i = 0; i < 4; i++) {
        if (fully_connected_differs(dense_cases[i][0], dense_cases[i][1])) {
            return 21 + i;
        }
    }
    for (i = 0; i < 4; i++) {
        if (add_differs(1000 + i, -18 - i)) {
            return 31 + i;
        }
    }
    return 0;
}
