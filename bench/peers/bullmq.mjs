// BullMQ, set up as it is fastest. Round trips a second at 64 and 512 in flight, two cores, medians:
//   worker's concurrency    8      12,400   13,200
//                          16      14,300   15,700
//                          32      11,100   16,400
//                          64       6,600   18,700
//                         128       5,200   16,800
//                         512       6,100   10,500
// Slower, all with 512: completed jobs kept (5,400 and 10,100), job.waitUntilFinished() in place of
// one listener for all (5,700 and 10,100), ioredis' auto-pipelining (3,800 and 6,800).
import { Queue, QueueEvents, Worker } from "bullmq";

const queueName = "bench";

/** @param {string} url */
function connectionTo(url) {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port), maxRetriesPerRequest: null };
}

export async function openWorker(scene, work) {
  const worker = new Worker(queueName, async (job) => work(job.data), {
    connection: connectionTo(scene.url),
    concurrency: Math.max(16, scene.inFlight / 8),
  });
  await worker.waitUntilReady();
  return { close: () => worker.close() };
}

export async function openClient(scene) {
  const connection = connectionTo(scene.url);
  const queue = new Queue(queueName, { connection });
  const events = new QueueEvents(queueName, { connection });
  const waiting = new Map();
  events.on("completed", ({ jobId, returnvalue }) => {
    waiting.get(jobId)?.(returnvalue);
    waiting.delete(jobId);
  });
  await Promise.all([queue.waitUntilReady(), events.waitUntilReady()]);

  let count = 0;
  return {
    async send(input) {
      const jobId = `job-${++count}`;
      const result = new Promise((resolve) => waiting.set(jobId, resolve));
      await queue.add("headline", input, { jobId, removeOnComplete: true });
      return result;
    },
    async close() {
      await events.close();
      await queue.close();
    },
  };
}
