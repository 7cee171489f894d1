/*
 * va-fold - who is held out in which fold, and the six-fold table.
 *
 * split writes lists of names, report reads what va-score printed, run hands over to make. They are in
 * tools/fold.
 */
#include "base/va_tool.h"
#include "tools/fold/va_fold.h"

static const struct va_usage usage = {
    .synopsis = "split|report|run [options]",
    .brief = "divide videos into folds, run the cross-validation and print its table",
    .examples =
        "va-fold split --train-labels Train_Set --val-labels Validation_Set -o folds\n"
        "va-fold run --windows w.h5 --split folds --labels Train_Set --labels Validation_Set -o out\n"
        "va-fold report --baseline out/cv/0/ridge.tsv out/cv/0/score.tsv",
};

int main(int argc, char **argv)
{
    static const struct va_command commands[] = {
        { "split", va_fold_split, "write the lists of each fold" },
        { "report", va_fold_report, "print the six-fold table" },
        { "run", va_fold_run, "train, predict and score all folds" },
        { NULL, NULL, NULL },
    };

    va_tool_init("va-fold");
    return va_tool_finish(va_commands_run(commands, &usage, argc, argv));
}
