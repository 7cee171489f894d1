"""A video of 640x480 to RGB of 224x224 with OpenCV: two decoder threads, bicubic resizing.

The video is made by ffmpeg, the same as in test/bench/media.c. With --lockstep it prints "ready" after the
warm-up, then the seconds of one run for each line of standard input.
"""
import argparse
import os
import subprocess
import sys
import tempfile
import time

import cv2

SOURCE = "testsrc2=size=640x480:rate=30,noise=alls=8:allf=t"


def run(path, threads):
    reader = cv2.VideoCapture(path, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, threads])
    count = 0
    while True:
        good, frame = reader.read()
        if not good:
            return count
        frame = cv2.resize(frame, (224, 224), interpolation=cv2.INTER_CUBIC)
        cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
        count += 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--frames", type=int, default=600)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--lockstep", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "video.mp4")
        subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", SOURCE, "-frames:v",
                        str(args.frames), "-c:v", "libx264", "-pix_fmt", "yuv420p", "-crf", "23",
                        path], check=True)
        assert run(path, args.threads) == args.frames
        if args.lockstep:
            print("ready", flush=True)
        for _ in sys.stdin if args.lockstep else range(5):
            start = time.perf_counter()
            run(path, args.threads)
            print("%.6f" % (time.perf_counter() - start), flush=True)


main()
