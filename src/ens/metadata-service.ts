import { connect } from 'node:net';

/** On an ECS instance the metadata service is a hop away; elsewhere the address swallows packets. */
const patienceMs = 400;

/** Whether this machine has the metadata service of an ECS instance. Never takes longer than a blink. */
export function metadataServiceAnswers(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '100.100.100.200', port: 80 });
    const answer = (answers: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answers);
    };
    const timer = setTimeout(answer, patienceMs, false);
    socket.once('connect', () => {
      answer(true);
    });
    socket.once('error', () => {
      answer(false);
    });
  });
}
