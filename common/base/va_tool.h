/*
 * va_tool.h - the beginning and the end that all tools share.
 *
 *     int main(int argc, char **argv)
 *     {
 *         va_tool_init("va-window");
 *         ...
 *         return va_tool_finish(status);
 *     }
 */
#ifndef VA_TOOL_H
#define VA_TOOL_H

#include "base/va_error.h"
#include "base/va_option.h"
#include <stddef.h>

/*
 * Name the tool in its messages and install the handlers that remove temporary files on
 * SIGINT, SIGTERM and SIGHUP. When a library ends the process (abort, a fault, exit), a line
 * says so and the exit code is VA_EXIT_MACHINE. When the environment has VA_STOP_WITH_PARENT=yes, the
 * process gets SIGTERM when its parent ends, as recipes of make need.
 */
void va_tool_init(const char *name);

/*
 * Flush and close stdout: a late write error (a full disk) turns VA_EXIT_OK into
 * VA_EXIT_MACHINE, with a line that says so. Removes temporary files that are left. With --verbose a
 * line says what the run has taken: seconds, processor seconds and the most memory, in MiB. When the
 * environment has VA_USAGE=FILE and the run succeeded, FILE gets these, as a line: tool, seconds,
 * processor seconds, MiB, output, with tabs between. Returns the exit code for main().
 */
VA_MUST_USE int va_tool_finish(int status);

/* What run() returns to main(): VA_EXIT_OK for 0, for -1 the class of the error reported. */
static inline int va_tool_status(int result)
{
    return result == 0 ? VA_EXIT_OK : va_error_status();
}

#endif
